using System.Globalization;
using System.Text.Json;
using Engine.Arm64.Translation;
using Mmsim.Cli;
using Xunit;
using ZstdSharp;

namespace Engine.PropertyTests.Translation;

/// <summary><c>mmsim walk</c> on images of systems that no recording has: every granule and width, blocks and runs, hardware flags; against the naive walker.</summary>
public sealed class SyntheticImageTests : IDisposable
{
    private const int ShapeCount = 11;

    private readonly string folder = Directory.CreateTempSubdirectory("mmsim-walk-").FullName;

    private static readonly string[] Kinds = ["list", "list.zst", "shuffled list", "core", "core.zst", "core with many segments", "raw pieces"];

    public static TheoryData<int, int> Systems
    {
        get
        {
            TheoryData<int, int> systems = [];
            for (int shape = 0; shape < ShapeCount; shape++)
            {
                systems.Add(shape, 0);
                systems.Add(shape, 1);
            }

            return systems;
        }
    }

    public static TheoryData<int> Shapes => [.. Enumerable.Range(0, ShapeCount)];

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Every_shape_is_tested() => Assert.Equal(ShapeCount, SystemShape.All.Length);

    [Theory]
    [MemberData(nameof(Systems))]
    public void Rows_are_the_naive_walkers(int shape, int seed)
    {
        SyntheticSystem system = new(SystemShape.All[shape], (shape * 100) + seed);
        string json = Write("capture.json", system.ContextJson());
        string vas = Write("vas.txt", string.Join('\n', system.Addresses.Select((va, i) => va.ToString(i % 2 == 0 ? "x" : "X16", CultureInfo.InvariantCulture))));
        Dictionary<string, int> outcomes = [];
        int run = seed;
        foreach ((string name, ulong tcr) in system.Contexts)
        {
            foreach ((int el, char kind, int pan) in name == "plain" ? AllAccesses : [(0, 'r', 0), (1, 'w', 0)])
            {
                string[] images = WriteImage(system, Kinds[run++ % Kinds.Length]);
                string[] printed = WalkCommandLine.Run(
                    [.. images, "--context", $"{json}:{name}", "--csv", "--vas", vas, "--el", $"{el}", "--pan", $"{pan}", "--access", $"{kind}"]).Split('\n', StringSplitOptions.RemoveEmptyEntries);
                TranslationAccess access = new(kind switch { 'r' => AccessKind.Load, 'w' => AccessKind.Store, _ => AccessKind.Fetch }, el, pan == 1);
                NaiveWalker naive = new(new PageMemory(system.Pages), system.Registers with { Tcr = tcr }, Stage2Registers.Off, access);
                Assert.Equal(system.Addresses.Count + 1, printed.Length);
                for (int i = 0; i < system.Addresses.Count; i++)
                {
                    NaiveResult expected = naive.FullTranslate(system.Addresses[i]);
                    Assert.Equal(NaiveRow.Of(system.Addresses[i], expected, system.Shape.HasHardwareFlags), printed[i + 1]);
                    string outcome = expected.Fault != FaultKind.None ? expected.Fault.ToString() : expected.RunShift > expected.BlockShift ? "run" : expected.Level < 3 ? "block" : "page";
                    outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + 1;
                }
            }
        }

        foreach (string outcome in (string[])["run", "page", "Translation", "Permission"])
        {
            Assert.True(outcomes.GetValueOrDefault(outcome) > 4, $"{outcome}: {outcomes.GetValueOrDefault(outcome)}");
        }

        Assert.True(system.Shape.HasHardwareFlags != outcomes.ContainsKey("AccessFlag"));
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Dump_and_counts_are_the_naive_scans(int shape)
    {
        SyntheticSystem system = new(SystemShape.All[shape], 5000 + shape);
        string json = Write("capture.json", system.ContextJson());
        string report = Path.Combine(folder, "report.json");
        string[] printed = WalkCommandLine.Run(
            [.. WriteImage(system, Kinds[shape % Kinds.Length]), "--context", $"{json}:plain", "--dump", "--stats", "--json", report]).Split('\n');
        NaiveWalker naive = new(new PageMemory(system.Pages), system.Registers, Stage2Registers.Off, new TranslationAccess(AccessKind.Load, 1));
        (List<string> lower, SortedDictionary<string, int> lowerCounts) = naive.Scan(upper: false);
        (List<string> upper, SortedDictionary<string, int> upperCounts) = naive.Scan(upper: true);
        Assert.Equal([.. lower, .. upper], printed.Where(line => line.StartsWith("0x", StringComparison.Ordinal)));
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(report));
        Assert.Equal(lowerCounts, Counts(document.RootElement.GetProperty("stats").GetProperty("ttbr0")));
        Assert.Equal(upperCounts, Counts(document.RootElement.GetProperty("stats").GetProperty("ttbr1")));
        Assert.Contains("level3 pages", upperCounts.Keys);
        Assert.Contains(upperCounts.Concat(lowerCounts), pair => pair.Key.EndsWith(" contiguous", StringComparison.Ordinal));
    }

    /// <summary>An image cut off anywhere, or damaged in its headers, gives rows or one line, and no other exception.</summary>
    [Fact]
    public void Damaged_images_end_in_rows_or_in_one_line()
    {
        SyntheticSystem system = new(SystemShape.All[0], 77);
        string json = Write("capture.json", system.ContextJson());
        using Compressor compressor = new();
        byte[] list = ImageFiles.PageList(system.Pages);
        byte[] core = ImageFiles.ElfCore(system.Pages);
        byte[] packed = compressor.Wrap(list).ToArray();
        SeededSource random = new(1);
        Dictionary<bool, int> ends = new() { [true] = 0, [false] = 0 };
        for (int i = 0; i < 400; i++)
        {
            byte[] whole = (i % 4) switch { 0 => list, 1 => packed, _ => core };
            byte[] damaged = i % 4 == 3 ? [.. whole] : whole[..random.Next(1, whole.Length)];
            for (int flips = i % 4 == 3 ? 1 + random.Next(4) : 0; flips > 0; flips--)
            {
                damaged[random.Next(700)] = (byte)random.Next(256);
            }

            string image = Write("damaged", damaged);
            try
            {
                using StringWriter output = new();
                string[] addresses = [.. system.Addresses.Take(20).Select(va => va.ToString("x", CultureInfo.InvariantCulture))];
                int exit = WalkCommandLine.Invoke(["--image", image, "--context", $"{json}:plain", "--csv", "--stats", .. addresses], output);
                Assert.True(exit is ExitCode.Done or ExitCode.Difference);
                ends[true]++;
            }
            catch (InputException error)
            {
                Assert.DoesNotContain('\n', error.Message);
                ends[false]++;
            }
        }

        Assert.True(ends[true] > 20 && ends[false] > 100, $"{ends[true]} read, {ends[false]} refused");
    }

    private static IEnumerable<(int El, char Kind, int Pan)> AllAccesses =>
        from el in (int[])[0, 1]
        from kind in (char[])['r', 'w', 'x']
        from pan in (int[])[0, 1]
        select (el, kind, pan);

    private string[] WriteImage(SyntheticSystem system, string kind)
    {
        using Compressor compressor = new();
        switch (kind)
        {
            case "raw pieces":
                return [.. ImageFiles.Pieces(system.Pages).SelectMany((piece, i) => (string[])["--image", $"{Write($"ram{i}.bin", piece.Bytes)}@0x{piece.Start:x}"])];
            case "core with many segments":
                return ["--image", Write("core", ImageFiles.ElfCore(system.Pages, isCountExtended: true))];
            case "core.zst":
                return ["--image", Write("core.zst", compressor.Wrap(ImageFiles.ElfCore(system.Pages)).ToArray())];
            case "core":
                return ["--image", Write("core", ImageFiles.ElfCore(system.Pages))];
            case "list.zst":
                return ["--image", Write("list.bin.zst", compressor.Wrap(ImageFiles.PageList(system.Pages)).ToArray())];
            case "shuffled list":
                return ["--image", Write("list.bin", ImageFiles.PageList(system.Pages.Reverse()))];
            default:
                return ["--image", Write("list.bin", ImageFiles.PageList(system.Pages))];
        }
    }

    private static SortedDictionary<string, int> Counts(JsonElement half) => new(
        (from level in half.EnumerateObject()
         from kind in level.Value.EnumerateObject()
         where kind.Value.GetInt32() != 0
         select ($"{level.Name} {kind.Name}", kind.Value.GetInt32())).ToDictionary());

    private string Write(string name, byte[] content)
    {
        File.WriteAllBytes(Path.Combine(folder, name), content);
        return Path.Combine(folder, name);
    }

    private string Write(string name, string content)
    {
        File.WriteAllText(Path.Combine(folder, name), content);
        return Path.Combine(folder, name);
    }
}
