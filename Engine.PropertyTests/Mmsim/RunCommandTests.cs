using System.Text.Json;
using Engine.PropertyTests.Support;
using Mmsim.Cli;
using Xunit;

namespace Engine.PropertyTests.MmsimTests;

/// <summary><c>mmsim run</c> as a user meets it: the bundled sample, bad input, too little memory.</summary>
public sealed class RunCommandTests
{
    private static readonly string Sample = Path.Combine(SharedData.RepositoryRoot, "tools", "traces", "a1_sqlite.lackey.zst");

    [Fact]
    public void The_sample_gives_the_counts_of_its_independent_recount()
    {
        JsonElement report = RunJson("run", Sample);
        Assert.Equal(3_744_632, Number(report, "records", "instr"));
        Assert.Equal(1_032_876, Number(report, "records", "load"));
        Assert.Equal(485_261, Number(report, "records", "store"));
        Assert.Equal(20_665, Number(report, "records", "modify"));
        Assert.Equal(600, Number(report, "pages", "total"));
        Assert.Equal(120, Number(report, "pages", "written"));
        Assert.Equal(0, Number(report, "syscalls", "refused"));
        Assert.Equal(0, Number(report, "faults", "signals"));

        // Every page that is written is anonymous in the end, and every touched page was mapped by some fault.
        Assert.Equal(120, Number(report, "memory", "rss_anonymous_pages"));
        Assert.InRange(Number(report, "memory", "rss_pages"), 590, 5000);
        Assert.Equal(0, report.GetProperty("corruptions").GetInt64());
    }

    [Fact]
    public void Two_runs_differ_in_their_timing_alone()
    {
        Assert.Equal(WithoutTiming(RunJson("run", Sample)), WithoutTiming(RunJson("run", Sample)));
    }

    [Fact]
    public void The_binary_form_gives_the_same_report()
    {
        using TemporaryFile binary = new();
        CommandLineRun converted = CommandLineRun.Of("convert", Sample, binary.Path, "--quiet");
        Assert.Equal(ExitCode.Done, converted.ExitCode);
        Dictionary<string, string> text = Members(RunJson("run", Sample));
        Dictionary<string, string> compact = Members(RunJson("run", binary.Path));
        text.Remove("trace");
        compact.Remove("trace");
        Assert.Equal(text, compact);
    }

    [Fact]
    public void Memory_that_runs_out_ends_the_replay_with_what_was_reached()
    {
        using TemporaryFile json = new();
        CommandLineRun run = CommandLineRun.Of("run", Sample, "--memory", "2M", "--quiet", "--json", json.Path);
        Assert.Equal(ExitCode.Difference, run.ExitCode);
        JsonElement report = JsonDocument.Parse(File.ReadAllText(json.Path)).RootElement;
        Assert.Contains("memory", report.GetProperty("ended_because").GetString(), StringComparison.Ordinal);
        Assert.InRange(Number(report, "records", "total"), 1, 5_283_433);
    }

    [Theory]
    [InlineData("--memory", "64K", "memory")]
    [InlineData("--memory", "17", "--memory")]
    [InlineData("--memory", "lots", "--memory")]
    [InlineData("--cpus", "0", "--cpus")]
    [InlineData("--core", "8086", "--core")]
    [InlineData("--tlb", "l1d=48:7", "--tlb")]
    [InlineData("--tlb", "l1d=48:full", "--tlb")]
    public void A_machine_that_cannot_be_is_one_line_and_exit_code_2(string option, string value, string mentioned)
    {
        CommandLineRun run = CommandLineRun.Of("run", Sample, option, value);
        Assert.Equal(ExitCode.BadInput, run.ExitCode);
        Assert.StartsWith("mmsim: ", run.Error, StringComparison.Ordinal);
        Assert.Contains(mentioned, run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd('\n').Split('\n'));
    }

    private static JsonElement RunJson(params string[] arguments)
    {
        using TemporaryFile json = new();
        CommandLineRun run = CommandLineRun.Of([.. arguments, "--quiet", "--json", json.Path]);
        Assert.Equal(ExitCode.Done, run.ExitCode);
        return JsonDocument.Parse(File.ReadAllText(json.Path)).RootElement;
    }

    private static long Number(JsonElement report, string group, string key) => report.GetProperty(group).GetProperty(key).GetInt64();

    private static Dictionary<string, string> Members(JsonElement report) =>
        report.EnumerateObject().Where(member => member.Name != "timing").ToDictionary(member => member.Name, member => member.Value.GetRawText());

    private static string WithoutTiming(JsonElement report) => string.Join('\n', Members(report).Select(member => $"{member.Key}: {member.Value}"));
}
