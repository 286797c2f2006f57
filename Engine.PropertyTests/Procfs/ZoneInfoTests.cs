using System.Globalization;
using System.Text.RegularExpressions;
using Engine.Core.Arena;
using Engine.Core.Diagnostics.Procfs;
using Engine.Core.Zones;
using Engine.PropertyTests.Support;
using FsCheck.Fluent;
using Mmsim.Kmem;
using Xunit;

namespace Engine.PropertyTests.Procfs;

/// <summary>Zones from a recorded <c>zoneinfo</c>, and the model's own.</summary>
public sealed partial class ZoneInfoTests
{
    [SharedDataFact("data/machine/zoneinfo.txt")]
    public void A_real_machines_zones_agree_in_everything_that_formulas_determine() =>
        CompareWithReal(File.ReadAllText(SharedData.Find("data/machine/zoneinfo.txt")!));

    [SharedDataFact(RecordedProc.Archive)]
    public void A_traced_machines_zones_agree_as_well() => CompareWithReal(RecordedProc.Read("before/zoneinfo"));

    [SharedDataFact("data/machine/zoneinfo.txt")]
    public void Every_line_of_the_models_zoneinfo_has_the_real_form()
    {
        string path = SharedData.Find("data/machine/zoneinfo.txt")!;
        HashSet<string> real = [.. File.ReadLines(path).Select(line => Number().Replace(line, "N"))];
        using ModelMemory model = ModelMemory.FromZoneInfo(path, out _);
        _ = model.Procfs.TryRead("zoneinfo", out string text);
        string[] unlike = [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => Number().Replace(line, "N")).Where(line => !real.Contains(line)).Distinct()];

        // v6.9 has two counters that later kernels lost, and other columns for the lists; the model has no device zone, and so one number less.
        string[] expected =
        [
            "      nr_writeback_temp N", "        protection: (N, N, N, N)", "      nr_bounce    N",
            "              count: N", "              high:  N", "              batch: N",
        ];
        Assert.Equal(expected, unlike);
    }

    private static readonly FsCheck.Gen<(int PageBlocks, int Cpus)> AnyMachine =
        from pageBlocks in Gen.Choose(8, 4096)
        from cpus in Gen.Choose(1, 9)
        select (pageBlocks, cpus);

    [Fact]
    public void A_booted_machines_zoneinfo_makes_the_same_machine_again() => ModelProperty.Check(AnyMachine, machines => MakeAgain(machines, text => text), tests: 15, length: 3);

    [Fact]
    public void A_number_that_is_read_wrongly_is_caught() =>
        ModelProperty.MustFail(AnyMachine, machines => MakeAgain(machines, text => text.Replace("start_pfn:           2", "start_pfn:           3", StringComparison.Ordinal)), tests: 5, length: 3);

    private static void MakeAgain(IReadOnlyList<(int PageBlocks, int Cpus)> machines, Func<string, string> damage)
    {
        foreach ((int pageBlocks, int cpus) in machines)
        {
            using ModelMemory first = ModelMemory.Boot((ulong)pageBlocks << 21, cpus);
            _ = first.Procfs.TryRead("zoneinfo", out string text);
            Assert.Equal(text, ZoneInfoAgain(damage(text)));
        }
    }

    [Fact]
    public void Watermarks_of_another_min_free_and_scale_factor_are_recognised()
    {
        string text = ZoneInfo(managed: 2_000_000, min: 20_000, low: 40_000);
        RecordedLayout layout = new(ZoneInfoFile.Parse(new StringReader(text)));
        Assert.Equal(80_000u, layout.MinFreeKilobytes);
        Assert.Equal(100u, layout.WatermarkScaleFactor);
    }

    [Theory]
    [InlineData("", 1, "there is no zone")]
    [InlineData("MemTotal: 5 kB\n", 1, "'MemTotal: 5 kB' comes before the first zone")]
    [InlineData("Node 0, zone\n", 1, "'Node 0, zone' names no zone")]
    [InlineData("Node x, zone   Normal\n", 1, "'Node x, zone   Normal' names no zone")]
    [InlineData("Node 0, zone   Normal\n  pages free   many\n", 2, "'pages free   many' is no counter")]
    [InlineData("Node 0, zone   Normal\n        protection: (0, x)\n", 2, "'protection: (0, x)' is no protection")]
    [InlineData("Node 0, zone   Normal\n        spanned 5\n        present 6\n", 1, "zone Normal has managed 0, present 6, spanned 5")]
    [InlineData("Node 0, zone   Normal\n        spanned 6\n        present 6\n", 1, "zone Normal has memory, but no start_pfn")]
    public void A_bad_file_is_named_with_its_line(string text, int line, string wrong)
    {
        ProcFormatException error = Assert.Throws<ProcFormatException>(() => ZoneInfoFile.Parse(new StringReader(text)));
        Assert.Equal((line, wrong), (error.Line, error.Wrong));
    }

    [Fact]
    public void Zones_that_the_model_cannot_have_are_refused()
    {
        Assert.Throws<ProcFormatException>(() => new RecordedLayout(ZoneInfoFile.Parse(new StringReader(ZoneInfo(name: "HighMem")))));
        Assert.Throws<ProcFormatException>(() => new RecordedLayout(ZoneInfoFile.Parse(new StringReader(ZoneInfo(managed: 0, present: 0)))));
        Assert.Throws<ProcFormatException>(() => new RecordedLayout(ZoneInfoFile.Parse(new StringReader(ZoneInfo() + ZoneInfo(name: "DMA")))));
    }

    [Fact]
    public void Zones_on_several_nodes_and_with_holes_are_built()
    {
        string text = ZoneInfo(node: 0, start: 262144, spanned: 1_000_000, present: 700_001, managed: 690_000)
            + ZoneInfo(node: 1, start: 2_097_152, spanned: 500_000, present: 500_000, managed: 480_001);
        RecordedLayout layout = new(ZoneInfoFile.Parse(new StringReader(text)));
        using PhysicalMemory memory = new(layout.Banks);
        Assert.Equal(3, memory.Banks.Length);
        RecordedZone[] zones = [.. ZoneInfoFile.Parse(new StringReader(ZoneInfoAgain(text))).Zones.Where(zone => zone.PresentPages > 0)];
        Assert.Equal([(0, 262144ul, 1_000_000ul, 700_001ul, 690_000ul), (1, 2_097_152ul, 500_000ul, 500_000ul, 480_001ul)],
            zones.Select(zone => (zone.Node, zone.StartPfn, zone.SpannedPages, zone.PresentPages, zone.ManagedPages)));
    }

    [Fact]
    public void Nodes_whose_memory_alternates_share_it_out()
    {
        // Node 0 spans node 1, and begins and ends beside it.
        string text = ZoneInfo(node: 0, start: 1 << 20, spanned: 5 << 20, present: 3 << 20, managed: (3 << 20) - 1000)
            + ZoneInfo(node: 1, start: 2 << 20, spanned: 2 << 20, present: 2 << 20, managed: (2 << 20) - 1000);
        ExpectSame(text);
        RecordedLayout layout = new(ZoneInfoFile.Parse(new StringReader(text)));
        Assert.Equal([0, 1, 0, 0], layout.Banks.ToArray().Select(bank => bank.Node));
    }

    [Fact]
    public void Zones_that_meet_within_a_pageblock_leave_it_alone() =>
        ExpectSame(
            ZoneInfo(name: "DMA32", start: 4096, spanned: (1 << 20) - 4096 - 300, present: 500_000, managed: 490_000)
            + ZoneInfo(start: (1 << 20) - 300, spanned: 2 << 20, present: 2 << 20, managed: (2 << 20) - 40_000));

    [Fact]
    public void Node_numbers_may_have_gaps_and_CPUs_belong_to_nodes_that_there_are()
    {
        string text = ZoneInfo(node: 1, start: 262144) + ZoneInfo(node: 4, start: 4 << 20);
        ExpectSame(text);
        Assert.DoesNotContain("Node 0", ZoneInfoAgain(text), StringComparison.Ordinal);
        Assert.Equal(1, new RecordedLayout(ZoneInfoFile.Parse(new StringReader(text))).Options.CpuNodes![0]);
    }

    [Fact]
    public void Older_kernels_files_are_read()
    {
        // Linux 3.10: counters before the protection, no cma, other lines at the end.
        const string Text = """
            Node 0, zone    DMA32
              pages free     415104
                    min      11971
                    low      14963
                    high     17956
                    scanned  0
                    spanned  1044480
                    present  745496
                    managed  724506
                nr_free_pages 415104
                numa_hit     1
                    protection: (0, 0, 13054, 13054)
              pagesets
                cpu: 0
                          count: 166
                          high:  186
                          batch: 31
              vm stats threshold: 36
              all_unreclaimable: 0
              start_pfn:         4096
              inactive_ratio:    5
            """;
        ExpectSame(Text);
        ExpectSame(Text.Replace("\n", "\r\n", StringComparison.Ordinal));
    }

    private static void ExpectSame(string text)
    {
        string again = ZoneInfoAgain(text);
        Assert.Equal(Layout(text), Layout(again));
        Assert.Equal(again, ZoneInfoAgain(again));

        static List<(int, string, ulong, ulong, ulong, ulong)> Layout(string text) =>
            [.. ZoneInfoFile.Parse(new StringReader(text)).Zones.Where(zone => zone.PresentPages > 0)
                .Select(zone => (zone.Node, zone.Name, zone.StartPfn, zone.SpannedPages, zone.PresentPages, zone.ManagedPages))];
    }

    private static string ZoneInfo(
        int node = 0, string name = "Normal", ulong start = 262144, ulong spanned = 2_500_000, ulong present = 2_400_000, ulong managed = 2_000_000, ulong min = 1000, ulong low = 3000) =>
        string.Create(CultureInfo.InvariantCulture, $"Node {node}, zone {name,8}\n  pages free     {managed}\n        min      {min}\n        low      {low}\n        high     {(2 * low) - min}\n        spanned  {Math.Max(spanned, present)}\n        present  {present}\n        managed  {managed}\n  pagesets\n    cpu: 0\n              count: 0\n  start_pfn:           {start}\n");

    private static string ZoneInfoAgain(string text)
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            File.WriteAllText(path, text);
            using ModelMemory again = ModelMemory.FromZoneInfo(path, out _);
            _ = again.Procfs.TryRead("zoneinfo", out string printed);
            return printed;
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static void CompareWithReal(string text)
    {
        ZoneInfoFile real = ZoneInfoFile.Parse(new StringReader(text));
        ZoneInfoFile printed = ZoneInfoFile.Parse(new StringReader(ZoneInfoAgain(text)));
        RecordedLayout layout = new(real);
        int compared = 0;
        foreach (RecordedZone zone in real.Zones.Where(zone => zone.Name != "Device"))
        {
            RecordedZone model = printed.Zones.Single(other => other.Node == zone.Node && other.Name == zone.Name);
            foreach (string label in new[] { "boost", "min", "low", "high", "spanned", "present", "managed", "cma" })
            {
                Assert.Equal((zone.Name, label, zone.Pages[label]), (zone.Name, label, model.Pages[label]));
                compared++;
            }

            Assert.Equal(zone.Protection.Take(model.Protection.Count), model.Protection);
            Assert.Equal(zone.StartPfn, model.StartPfn);
            Assert.Equal(zone.PerCpu.Select(lists => (lists.Cpu, lists.Batch, lists.StatThreshold)), model.PerCpu.Select(lists => (lists.Cpu, lists.Batch, lists.StatThreshold)));
            foreach (RecordedPerCpu lists in zone.PerCpu)
            {
                PerCpuLimits limits = PerCpuLimits.Compute(zone.ManagedPages, zone.GetWatermark("low"), layout.CpuCount);
                Assert.Equal((lists.HighMin, lists.HighMax), ((ulong)limits.HighMin, (ulong)limits.HighMax));
                compared++;
            }
        }

        Assert.True(compared > 30);
        Assert.Equal(67584u, layout.MinFreeKilobytes);
        Assert.Equal(10u, layout.WatermarkScaleFactor);
    }

    [GeneratedRegex(@"\d+(?=$|[,)])|(?<=zone-)\d+|(?<=cpu: )\d+|(?<=Node )\d+")]
    private static partial Regex Number();
}
