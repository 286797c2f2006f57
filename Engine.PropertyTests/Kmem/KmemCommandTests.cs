using System.Text;
using System.Text.Json.Nodes;
using Engine.PropertyTests.MmsimTests;
using Engine.PropertyTests.Support;
using Mmsim.Cli;
using Mmsim.Kmem;
using Xunit;

namespace Engine.PropertyTests.Kmem;

/// <summary><c>mmsim kmem</c> and <c>mmsim zones</c> as commands: keys, pictures, and one line for what is wrong.</summary>
public sealed class KmemCommandTests
{
    private const string Line = "            bash-9669    [001] .....  2811.657946: mm_page_alloc: page=0000000000000000 pfn=0x18226a order=0 migratetype=0 gfp_flags=GFP_KERNEL\n";
    private static readonly string Excerpt = Path.Combine(SharedData.RepositoryRoot, "Engine.PropertyTests", "Kmem", "excerpt.ftrace.txt");

    [Theory]
    [InlineData("GFP_KERNEL", "GFP_DMA|GFP_DMA32", ":1: 'GFP_DMA|GFP_DMA32' asks for two zones or two migrate types at once")]
    [InlineData("GFP_KERNEL", "0x18", ":1: '0x18' asks for two zones or two migrate types at once")]
    [InlineData("GFP_KERNEL", "kernel", ":1: 'kernel' is no allocation flag")]
    [InlineData("[001]", "[60000]", ":1: CPU 60000 (expected at most 4095)")]
    [InlineData("order=0", "order=11", ":1: order= has a bad number")]
    [InlineData("order=0", "order=-1", ":1: order= has a bad number")]
    [InlineData("migratetype=0", "migratetype=6", ":1: migratetype= has a bad number")]
    [InlineData("pfn=0x18226a", "pfn=0x18226a18226a", ":1: pfn= has a bad number")]
    [InlineData(" pfn=0x18226a", "", ":1: the event has no pfn=")]
    [InlineData("-9669", "9669", ":1: '            bash9669")]
    [InlineData(Line, "", ": the trace has no event")]
    public void A_bad_trace_is_one_line_and_exit_code_2(string what, string with, string error)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("t.txt", Encoding.ASCII.GetBytes(Line.Replace(what, with, StringComparison.Ordinal)));
        ExpectError($"{path}{error}", "kmem", path);
    }

    [Fact]
    public void Another_machines_zoneinfo_and_options_that_make_no_sense_are_refused()
    {
        using TemporaryFolder folder = new();
        string zones = folder.Write("zoneinfo", Encoding.ASCII.GetBytes(CommandLineRun.Of("proc", "zoneinfo", "--memory", "64M", "--cpus", "1").Output));
        string trace = folder.Write("t.txt", Encoding.ASCII.GetBytes(Line));
        ExpectError($"{zones}: the machine has 1 CPUs, and the trace names CPU 1", "kmem", trace, "--zoneinfo", zones);
        ExpectError("--kernel: the rules of '5' are not known", "kmem", trace, "--kernel", "5");
        ExpectError("--samples: 0", "kmem", trace, "--samples", "0");
        ExpectError($"{trace}:1: '", "zones", "--from", trace);
        ExpectError("--from: 'b' cannot be used (expected the option once)", "zones", "--from", "a", "--from", "b");
        ExpectError("--memory: memory of 4096 bytes has no room for 4096 bytes of zero page (expected more memory)", "proc", "meminfo", "--memory", "4K");
    }

    [Fact]
    public void A_line_of_any_length_is_shown_in_part()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("long", Encoding.ASCII.GetBytes(new string('x', 100_000)));
        CommandLineRun run = CommandLineRun.Of("zones", "--from", path);
        Assert.Equal(ExitCode.BadInput, run.ExitCode);
        Assert.True(run.Error.Length < 300 + path.Length, run.Error);
    }

    [Fact]
    public void What_trace_cmd_says_before_the_events_and_lost_events_are_understood()
    {
        using TemporaryFolder folder = new();
        string text = $"version = 7\ncpus=4\n{Line}CPU:1 [LOST 5 EVENTS]\nCPU:0 [LOST EVENTS]\n##### CPU 1 buffer started ####\n{Line.Replace("226a", "226b", StringComparison.Ordinal)}";
        JsonNode report = Report(folder.Write("t.txt", Encoding.ASCII.GetBytes(text)));
        Assert.Equal(2, (int)report["events"]!["alloc"]!);
        Assert.Equal(6, (int)report["lost_events"]!);
    }

    [Fact]
    public void The_report_has_its_keys_and_depends_on_the_host_in_timing_alone()
    {
        JsonNode report = Report(Excerpt);
        Assert.All(
            (string[])["events", "alloc_by_order", "alloc_by_migratetype", "alloc_by_gfp", "unknown_frees", "peak_live_pages", "live_pages_end", "model", "timing"],
            key => Assert.NotNull(report[key]));
        Assert.All((string[])["alloc", "free", "free_batched", "pcpu_drain", "zone_locked", "extfrag"], key => Assert.NotNull(report["events"]![key]));
        Assert.All((string[])["extfrag", "zone_locked", "buddyinfo", "fragmentation"], key => Assert.NotNull(report["model"]![key]));
        JsonNode again = Report(Excerpt);
        Assert.True(report.AsObject().Remove("timing"));
        Assert.True(again.AsObject().Remove("timing"));
        Assert.Equal(report.ToJsonString(), again.ToJsonString());
    }

    [Fact]
    public void A_picture_is_drawn()
    {
        using TemporaryFolder folder = new();
        string picture = folder.PathOf("p.png");
        KmemTrace trace = KmemTrace.Read(Excerpt);
        using ModelMemory model = ModelMemory.Boot(64 << 20, 4);
        KmemReplay replay = new(trace.Program, trace.Gfps, model.Pages);
        replay.PrepareEarlier([]);
        replay.Run(5);
        KmemPlot.Write(picture, "excerpt", replay.Samples);
        Assert.Equal("\u0089PNG", Encoding.Latin1.GetString(File.ReadAllBytes(picture).AsSpan(0, 4)));
    }

    private static JsonNode Report(string path)
    {
        CommandLineRun run = CommandLineRun.Of("kmem", path, "--json", "-");
        Assert.Equal((ExitCode.Done, ""), (run.ExitCode, run.Error));
        return JsonNode.Parse(run.Output)!;
    }

    private static void ExpectError(string error, params string[] arguments)
    {
        CommandLineRun run = CommandLineRun.Of(arguments);
        Assert.Equal((ExitCode.BadInput, ""), (run.ExitCode, run.Output));
        Assert.StartsWith($"mmsim: {error}", run.Error, StringComparison.Ordinal);
        Assert.Equal('\n', Assert.Single(run.Error, char.IsControl));
    }
}
