using System.Text.Json;
using Engine.PropertyTests.Support;
using Mmsim.Cli;
using Xunit;

namespace Engine.PropertyTests.MmsimTests;

/// <summary><c>mmsim tlb</c> and <c>mmsim convert</c> as a user calls them.</summary>
public sealed class TlbCommandTests
{
    // Level, its misses, and how to ask for them: counted in the sample by two programs that share no code with this one.
    private static readonly (string Truth, string Level, long Misses, string[] Arguments)[] Sample =
    [
        ("tlb_l1_48fa_miss", "l1d", 1632, ["--kinds", "lsm", "--tlb", "l1d=48:full,l2=1280:5"]),
        ("tlb_l2_1280x5_miss", "l2", 303, ["--kinds", "lsm", "--tlb", "l1d=48:full,l2=1280:5"]),
        ("tlb_64x4_miss", "l1d", 2086, ["--tlb", "l1d=64:4"]),
        ("tlb_48x4_sets12_miss", "l1d", 7362, ["--tlb", "l1d=48:4"]),
        ("itlb_fa48_miss", "l1i", 4214, ["--kinds", "i", "--tlb", "l1i=48:full"]),
        ("tlb_fa48_64k_miss", "l1d", 38, ["--page", "64K", "--tlb", "l1d=48:full"]),
        ("tlb_fa48_2m_miss", "l1d", 7, ["--page", "2M", "--tlb", "l1d=48:full"]),
    ];

    [Fact]
    public void The_sample_misses_as_counted_from_text_and_from_binary()
    {
        using TemporaryFolder folder = new();
        string binary = folder.PathOf("sample.mmt");
        Assert.Equal(ExitCode.Done, global::Mmsim.Program.Main(["convert", SampleTrace.Path, binary, "--quiet"]));
        foreach ((string truth, string level, long misses, string[] arguments) in Sample)
        {
            string fromText = Report(folder, SampleTrace.Path, arguments);
            Assert.Equal((truth, misses), (truth, Number(fromText, "tlb", level, "misses")));
            Assert.Equal(fromText, Report(folder, binary, arguments));
        }

        string report = Report(folder, SampleTrace.Path, "--tlb", "l1=64:4", "--kinds", "ilsm");
        Assert.Equal(
            (3744632, 1032876, 485261, 20665),
            (Number(report, "records", "instr"), Number(report, "records", "load"), Number(report, "records", "store"), Number(report, "records", "modify")));
        Assert.Equal(
            (297, 303, 262, 120, 600),
            (Number(report, "pages", "instr"), Number(report, "pages", "data"), Number(report, "pages", "read"), Number(report, "pages", "written"), Number(report, "pages", "total")));
        Assert.Equal((0, 46, 277), (Number(report, "syscalls", "applied"), Number(report, "syscalls", "failed"), Number(report, "syscalls", "ignored")));
        Assert.Equal(5_283_434, Number(report, "tlb", "l1", "lookups"));
        Assert.Equal(report, Report(folder, SampleTrace.Path, "--tlb", "l1=64:4", "--kinds", "ilsm"));
    }

    /// <summary>An LRU level that takes in what gives way in an LRU level in front makes one LRU list of both.</summary>
    [Fact]
    public void A_level_and_an_exclusive_one_behind_it_miss_as_one_of_both_sizes()
    {
        using TemporaryFolder folder = new();
        string both = Report(folder, SampleTrace.Path, "--tlb", "l1d=48:full,l2d=80:full:lru:excl");
        long missesOfFirst = Number(Report(folder, SampleTrace.Path, "--tlb", "l1d=48:full"), "tlb", "l1d", "misses");
        long missesOfOne = Number(Report(folder, SampleTrace.Path, "--tlb", "l1d=128:full"), "tlb", "l1d", "misses");
        Assert.Equal((missesOfFirst, missesOfOne), (Number(both, "tlb", "l1d", "misses"), Number(both, "tlb", "l2d", "misses")));
        Assert.NotEqual(missesOfOne, Number(Report(folder, SampleTrace.Path, "--tlb", "l1d=48:full,l2d=80:full"), "tlb", "l2d", "misses"));
    }

    [SharedDataFact("data/traces")]
    public void Every_recorded_trace_misses_as_its_truth_file_says()
    {
        using TemporaryFolder folder = new();
        foreach (string path in Directory.GetFiles(SharedData.Find("data/traces")!, "*.lackey.zst"))
        {
            TruthFile truth = new(path.Replace(".lackey.zst", ".truth.csv", StringComparison.Ordinal));
            foreach ((string key, string level, _, string[] arguments) in Sample)
            {
                Assert.Equal((path, key, truth[key]), (path, key, Number(Report(folder, path, arguments), "tlb", level, "misses")));
            }
        }
    }

    [Fact]
    public void Convert_does_not_overwrite_its_input_and_leaves_no_partial_file()
    {
        using TemporaryFolder folder = new();
        string text = folder.Write("trace.lackey", "I  0401ab70,3\nnonsense\n"u8);
        Assert.Equal(ExitCode.BadInput, global::Mmsim.Program.Main(["convert", text, folder.PathOf("out.mmt"), "--quiet"]));
        Assert.Equal(ExitCode.BadInput, global::Mmsim.Program.Main(["convert", text, text, "--quiet"]));
        Assert.Equal(["trace.lackey"], Directory.GetFiles(Path.GetDirectoryName(text)!).Select(Path.GetFileName));
    }

    // Without what depends on the speed of the host.
    private static string Report(TemporaryFolder folder, string trace, params string[] arguments)
    {
        string path = folder.PathOf("report.json");
        Assert.Equal(ExitCode.Done, global::Mmsim.Program.Main(["tlb", trace, .. arguments, "--quiet", "--json", path]));
        string text = File.ReadAllText(path);
        int timing = text.IndexOf("\"timing\"", StringComparison.Ordinal);
        Assert.True(timing > 0);
        return text[..text.LastIndexOf(',', timing)] + "\n}\n";
    }

    private static long Number(string report, params string[] path)
    {
        using JsonDocument document = JsonDocument.Parse(report);
        JsonElement element = document.RootElement;
        foreach (string key in path)
        {
            element = element.GetProperty(key);
        }

        return element.GetInt64();
    }
}
