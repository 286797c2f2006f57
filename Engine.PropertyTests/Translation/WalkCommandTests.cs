using System.Text.Json;
using Engine.Arm64.Translation;
using Engine.PropertyTests.Support;
using Mmsim.Cli;
using Mmsim.Walk;
using Xunit;
using ZstdSharp;

namespace Engine.PropertyTests.Translation;

/// <summary><c>mmsim walk</c> on a small machine's memory, and on damaged input.</summary>
public sealed class WalkCommandTests : IDisposable
{
    private readonly WalkFixture fixture = new();

    public void Dispose() => fixture.Dispose();

    [Theory]
    [InlineData("raw")]
    [InlineData("elf")]
    [InlineData("list")]
    [InlineData("list.zst")]
    [InlineData("elf.zst")]
    public void Every_kind_of_image_gives_the_same_rows(string kind)
    {
        using Compressor compressor = new();
        string image = kind switch
        {
            "raw" => fixture.WriteRaw(),
            "elf" => fixture.Write("core", fixture.ElfCore()),
            "list" => fixture.Write("pages.bin", fixture.PageList()),
            "elf.zst" => fixture.Write("core.zst", compressor.Wrap(fixture.ElfCore()).ToArray()),
            _ => fixture.Write("pages.bin.zst", compressor.Wrap(fixture.PageList()).ToArray()),
        };
        string[] addresses = ["400123", "0x401008", "402000", "403000", "404000", "405000", "ab00000000400123", "ffff000000000000", "ffff000002001000", "ffff000002010000", "ffff000002011000", "fff0000000000000"];
        string text = Run(["--image", image, "--csv", "--el", "1", .. fixture.RegisterOptions, .. addresses]);
        Assert.Equal("""
            va,result,pa,level,size,contiguous,attributes,par_el1
            0x0000000000400123,ok,0x41001123,3,4096,0,el1=r-- el0=r-x af ng ish attr=0xff,0xff00000041001b80
            0x0000000000401008,ok,0x41002008,3,4096,0,el1=r-- el0=r-- af ng ish attr=0xff,0xff00000041002b80
            0x0000000000402000,translation,,3,,,,0x000000000000080f
            0x0000000000403000,access_flag,,3,,,,0x0000000000000817
            0x0000000000404000,translation,,3,,,,0x000000000000080f
            0x0000000000405000,translation,,3,,,,0x000000000000080f
            0xab00000000400123,ok,0x41001123,3,4096,0,el1=r-- el0=r-x af ng ish attr=0xff,0xff00000041001b80
            0xffff000000000000,ok,0x40000000,2,2097152,1,el1=rw- el0=--- af ish attr=0xff,0xff00000040000b80
            0xffff000002001000,ok,0x42001000,3,4096,1,el1=rw- el0=--- af ish attr=0xff,0xff00000042001b80
            0xffff000002010000,ok,0x42010000,3,4096,0,el1=rw- el0=--- af ish attr=0xff,0xff00000042010b80
            0xffff000002011000,translation,,3,,,,0x000000000000080f
            0xfff0000000000000,translation,,0,,,,0x0000000000000809

            """.ReplaceLineEndings("\n"), text.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void A_context_gives_registers_and_options_override_them()
    {
        string image = fixture.WriteRaw();
        string context = $"{fixture.WriteContext()}:cpu0/el0";
        string list = fixture.Write("vas.txt", "# the user's\n0x400000\n\nffff000000000000\n");
        string[] common = ["--image", image, "--context", context, "--csv", "--vas", list];
        string[] asUser = Run(common).Split('\n');
        Assert.StartsWith("0x0000000000400000,ok,0x41001000,3,", asUser[1], StringComparison.Ordinal);
        Assert.StartsWith("0xffff000000000000,permission,,2,", asUser[2], StringComparison.Ordinal);
        string[] asKernel = Run([.. common, "--el", "1", "--access", "w"]).Split('\n');
        Assert.StartsWith("0x0000000000400000,permission,,3,", asKernel[1], StringComparison.Ordinal);
        Assert.StartsWith("0xffff000000000000,ok,0x40000000,2,", asKernel[2], StringComparison.Ordinal);
        string[] withPan = Run([.. common, "--el", "1", "--pan", "1"]).Split('\n');
        Assert.StartsWith("0x0000000000400000,permission,,3,", withPan[1], StringComparison.Ordinal);
        string[] fetched = Run([.. common, "--access", "x"]).Split('\n');
        Assert.StartsWith("0x0000000000400000,ok,0x41001000,3,", fetched[1], StringComparison.Ordinal);
    }

    [Fact]
    public void The_dump_shows_ranges_and_the_counts_every_descriptor()
    {
        string json = fixture.Path("report.json");
        string text = Run(["--image", fixture.WriteRaw(), "--dump", "--stats", "--json", json, .. fixture.RegisterOptions]);
        string[] ranges = [.. text.Split('\n').Where(line => line.StartsWith("0x", StringComparison.Ordinal))];
        Assert.Equal(
        [
            "0x0000000000400000-0x0000000000401000         4K PTE USR ro NX SHD AF NG                MEM/NORMAL",
            "0x0000000000401000-0x0000000000402000         4K PTE USR ro NX SHD AF NG         UXN    MEM/NORMAL",
            "0x0000000000403000-0x0000000000404000         4K PTE USR ro NX SHD    NG         UXN    MEM/NORMAL",
            "0xffff000000000000-0xffff000002000000        32M PMD     RW NX SHD AF    CON BLK UXN    MEM/NORMAL",
            "0xffff000002000000-0xffff000002010000        64K PTE     RW NX SHD AF    CON     UXN    MEM/NORMAL",
            "0xffff000002010000-0xffff000002011000         4K PTE     RW NX SHD AF            UXN    MEM/NORMAL",
        ], ranges);
        using JsonDocument report = JsonDocument.Parse(File.ReadAllBytes(json));
        JsonElement upper = report.RootElement.GetProperty("stats").GetProperty("ttbr1");
        Assert.Equal((16, 16, 495), (Number(upper, 2, "blocks"), Number(upper, 2, "contiguous"), Number(upper, 2, "zero")));
        Assert.Equal((17, 16, 495), (Number(upper, 3, "pages"), Number(upper, 3, "contiguous"), Number(upper, 3, "zero")));
        JsonElement lower = report.RootElement.GetProperty("stats").GetProperty("ttbr0");
        Assert.Equal((3, 2), (Number(lower, 3, "pages"), Number(lower, 3, "invalid_nonzero")));
    }

    [Fact]
    public void Wrong_registers_and_holes_are_faults()
    {
        string image = fixture.WriteRaw();
        string Row(params string[] options) => Run(["--image", image, "--csv", .. options]).Split('\n')[1];
        Assert.Contains(",translation,,0,", Row("--ttbr0", "40000000", "--tcr", "c010", "400000"), StringComparison.Ordinal); // reserved TG0
        Assert.Contains(",translation,,0,", Row("--ttbr0", "40000000", "--tcr", "3f", "400000"), StringComparison.Ordinal); // T0SZ 63
        Assert.Contains(",translation,,0,", Row("--ttbr0", "40000000", "--tcr", "5", "400000"), StringComparison.Ordinal); // T0SZ 5
        Assert.Contains(",external_abort,,0,", Row("--ttbr0", "90000000", "--tcr", "500000010", "400000"), StringComparison.Ordinal);
        Assert.Contains(",address_size,,0,", Row("--ttbr0", "100000000000", "--tcr", "10", "400000"), StringComparison.Ordinal);
        Assert.Contains(",ok,0x400000,0,", Row("--ttbr0", "0", "--tcr", "10", "--sctlr", "0", "400000"), StringComparison.Ordinal);
        Assert.Contains(",translation,,0,", Row("--ttbr0", "0", "--tcr", "10", "ffff000000000000"), StringComparison.Ordinal); // no TTBR1
    }

    public static TheoryData<string> BadInputs => ["no file", "directory", "empty", "cut list", "odd list", "cut header", "cut table", "cut segment", "other machine",
        "no registers", "no number", "no address", "bad line", "long line", "bad level", "bad access", "no context", "no json", "half stage 2", "cut zstd", "no work", "bad start"];

    [Theory]
    [MemberData(nameof(BadInputs))]
    public void Bad_input_is_one_line(string kind)
    {
        string image = fixture.WriteRaw();
        byte[] core = fixture.ElfCore();
        using Compressor compressor = new();
        string[] work = [.. fixture.RegisterOptions, "400000"];
        string[] arguments = kind switch
        {
            "no file" => ["--image", fixture.Path("none"), .. work],
            "directory" => ["--image", fixture.Path(""), .. work],
            "empty" => ["--image", fixture.Write("empty", ""), .. work],
            "cut list" => ["--image", fixture.Write("list", fixture.PageList()[..^1]), .. work],
            "odd list" => ["--image", fixture.Write("list", [.. fixture.PageList().Select((b, i) => i == 0 ? (byte)1 : b)]), .. work],
            "cut header" => ["--image", fixture.Write("core", core[..40]), .. work],
            "cut table" => ["--image", fixture.Write("core", core[..100]), .. work],
            "cut segment" => ["--image", fixture.Write("core", core[..^1]), .. work],
            "other machine" => ["--image", fixture.Write("core", [.. core.Select((b, i) => i == 18 ? (byte)62 : b)]), .. work],
            "no registers" => ["--image", image, "400000"],
            "no number" => ["--image", image, .. fixture.RegisterOptions, "--sctlr", "x1", "400000"],
            "no address" => ["--image", image, .. fixture.RegisterOptions, "40000g"],
            "bad line" => ["--image", image, .. fixture.RegisterOptions, "--vas", fixture.Write("vas", "1000\n\nnumber\n")],
            "long line" => ["--image", image, .. fixture.RegisterOptions, "--vas", fixture.Write("vas", new string('1', 5000))],
            "bad level" => ["--image", image, "--el", "2", .. work],
            "bad access" => ["--image", image, "--access", "z", .. work],
            "no context" => ["--image", image, "--context", $"{fixture.WriteContext()}:none", "400000"],
            "no json" => ["--image", image, "--context", $"{fixture.Write("x.json", "{ \"contexts\": [\n oops")}:none", "400000"],
            "half stage 2" => ["--image", image, "--vttbr", "0", .. work],
            "cut zstd" => ["--image", fixture.Write("list.zst", compressor.Wrap(fixture.PageList())[..^9].ToArray()), .. work],
            "no work" => ["--image", image, .. fixture.RegisterOptions],
            _ => ["--image", fixture.Path("ram.bin") + "@0x3", .. work],
        };
        InputException error = Assert.Throws<InputException>(() => Run(arguments));
        Assert.DoesNotContain('\n', error.Message);
        Assert.True(error.Message.Length > 10);
        Assert.True(kind != "bad line" || error.Message.Contains("vas:3:", StringComparison.Ordinal), error.Message);
    }

    /// <summary>Tables that refer to each other end the dump, with exit code 1; random memory ends every scan.</summary>
    [Fact]
    public void Tables_without_end_end()
    {
        byte[] loop = new byte[4096];
        for (int i = 0; i < 4096; i += 8)
        {
            BitConverter.TryWriteBytes(loop.AsSpan(i), 0x4000_0003UL);
        }

        string image = fixture.Write("loop", loop) + "@0x40000000";
        StringWriter output = new();
        Assert.Equal(ExitCode.Difference, Invoke(["--image", image, "--stats", "--ttbr0", "40000000", "--tcr", "500000010"], output));
    }

    [Fact]
    public void Scans_of_random_memory_stay_within_their_budget()
    {
        for (ulong seed = 0; seed < 300; seed++)
        {
            RandomTranslation input = RandomTranslation.From(0x6000_0000 + seed);
            HashedMemory memory = new(seed, agentOneIn: 0);
            TreeVisitor visitor = new(new HalfCounts(isUpper: false), null);
            TableScanner.Scan(ref memory, input.Registers, isUpper: false, tablesMax: 16, ref visitor);
            Assert.True(memory.Reads <= 16 * 8192);
        }
    }

    /// <summary>The command itself on a recording: its rows are the recording's.</summary>
    [SharedDataFact("data/arm64-capture")]
    public void Recorded_addresses_through_the_command() => Assert.All(Capture.Folders(), folder =>
    {
        using Capture capture = new(folder);
        foreach (IGrouping<string, string[]> rows in capture.Rows("at.csv.gz").GroupBy(row => row[0] + " " + row[1]).Take(8))
        {
            string[] first = rows.First();
            string list = fixture.Write("vas", string.Join('\n', rows.Select(row => row[2])));
            string[] printed = Run(["--image", Path.Combine(folder, "tables.bin.zst"), "--context", $"{Path.Combine(folder, "capture.json")}:{first[0]}",
                "--csv", "--vas", list, "--el", first[1][3..4], "--pan", "0", "--access", first[1][4] == 'W' ? "w" : "r"]).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal(rows.Select(row => row[3]), printed.Skip(1).Select(line => line.Split(',')[^1]));
        }
    });

    private static int Number(JsonElement half, int level, string key) => half.GetProperty($"level{level}").GetProperty(key).GetInt32();

    private static string Run(string[] arguments) => WalkCommandLine.Run(arguments);

    private static int Invoke(string[] arguments, StringWriter output) => WalkCommandLine.Invoke(arguments, output);
}
