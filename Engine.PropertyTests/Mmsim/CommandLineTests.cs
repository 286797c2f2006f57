using System.Text.Json;
using Engine.PropertyTests.Support;
using Mmsim.Cli;
using Xunit;

namespace Engine.PropertyTests.MmsimTests;

/// <summary>What all commands have in common: one line for what is wrong, stable keys, files that are left as they should be.</summary>
public sealed class CommandLineTests
{
    [Theory]
    [InlineData("no command (expected compare, convert, fuzz")]
    [InlineData("'sing' is no command", "sing")]
    [InlineData("no target of fuzz (expected buddy, slab, vmalloc, vm, mmu", "fuzz")]
    [InlineData("'mm' is no target of fuzz", "fuzz", "mm")]
    [InlineData("--momory is no option of run (expected --core", "run", "--momory")]
    [InlineData("'b' is one argument too many for run", "run", "a", "b")]
    [InlineData("--seed: 'x' cannot be used (expected a whole number, 0 or more)", "run", "--seed", "x")]
    [InlineData("--cpus: '99999999999' cannot be used (expected a whole number, at most", "run", "--cpus", "99999999999")]
    [InlineData("--cpus: 0 (expected 1 to 4096)", "run", "--cpus", "0")]
    [InlineData("--memory: '-1' is not a size", "run", "--memory", "-1")]
    [InlineData("--memory: 999T is no amount of RAM", "run", "--memory", "999T")]
    [InlineData("--seconds: 'soon' cannot be used", "fuzz", "buddy", "--seconds", "soon")]
    [InlineData("--seconds: -1 (expected a number of seconds", "fuzz", "buddy", "--seconds", "-1")]
    [InlineData("nothing.scn: no such file", "scenario", "nothing.scn")]
    [InlineData("nothing: no such file", "walk", "--image", "nothing@0", "--ttbr0", "0", "--tcr", "0", "0")]
    public void Wrong_usage_is_one_line_and_exit_code_2(string error, params string[] arguments)
    {
        CommandLineRun run = CommandLineRun.Of(arguments);
        Assert.Equal((ExitCode.BadInput, ""), (run.ExitCode, run.Output));
        Assert.StartsWith($"mmsim: {error}", run.Error, StringComparison.Ordinal);
        Assert.Equal('\n', Assert.Single(run.Error, char.IsControl));
    }

    [Theory]
    [InlineData("target failure timing", "fuzz", "mmu", "--seconds", "0")]
    [InlineData("name text", "proc", "meminfo")]
    [InlineData("name offset words", "proc", "kpagecount", "--offset", "8", "--length", "16")]
    [InlineData("files", "proc")]
    [InlineData("variants timing", "compare", "--vary", "memory=64M,128M")]
    [InlineData("records syscalls pages tlb timing", "tlb", "TRACE", "--tlb", "l1d=48:full")]
    [InlineData("records syscalls pages tlb faults walks memory buddyinfo timing", "run")]
    public void Every_command_has_its_report_as_JSON_alone_on_standard_output(string keys, params string[] arguments)
    {
        using TemporaryFolder folder = new();
        string[] real = [.. arguments.Select(argument => argument == "TRACE" ? folder.Write("t.lackey", "I  0401ab70,3\n L 1fff000cd8,8\n"u8.ToArray()) : argument)];
        CommandLineRun run = CommandLineRun.Of([.. real, "--json", "-"]);
        Assert.Equal((ExitCode.Done, ""), (run.ExitCode, run.Error));
        JsonElement report = JsonDocument.Parse(run.Output).RootElement;
        Assert.All(keys.Split(' '), key => Assert.True(report.TryGetProperty(key, out _), $"there is no {key}"));
    }

    [Fact]
    public void Scenarios_are_read_compressed_and_reported_as_JSON()
    {
        using TemporaryFolder folder = new();
        byte[] script = "mmap A 4 rw private anon\nwrite A 0 7\nobs\n"u8.ToArray();
        CommandLineRun plain = CommandLineRun.Of("scenario", folder.Write("a.scn", script));
        CommandLineRun packed = CommandLineRun.Of("scenario", folder.Write("a.scn.gz", BadTraceTests.Gzip(script)));
        Assert.Equal((ExitCode.Done, plain.Output), (packed.ExitCode, packed.Output));
        folder.Write("a.expected", System.Text.Encoding.UTF8.GetBytes(plain.Output.Replace("\"rss\":1", "\"rss\":2", StringComparison.Ordinal)));
        CommandLineRun checkedRun = CommandLineRun.Of("scenario", "--check", folder.PathOf("."), "--json", "-");
        JsonElement verdict = JsonDocument.Parse(checkedRun.Output).RootElement.GetProperty("scenarios")[0];
        Assert.Equal(ExitCode.Difference, checkedRun.ExitCode);
        Assert.False(verdict.GetProperty("equal").GetBoolean());
        Assert.Contains("\"rss\":2", verdict.GetProperty("expected").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("is a directory", ".")]
    [InlineData("no such directory", "nowhere/x")]
    [InlineData("cannot be written", "")]
    public void An_output_that_cannot_be_written_is_named(string error, string name)
    {
        using TemporaryFolder folder = new();
        string path = name.Length == 0 ? "" : folder.PathOf(name);
        Assert.Contains(error, Assert.Throws<InputException>(() => OutputFile.Write(path, _ => { })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_output_that_ends_early_is_not_left_behind_and_a_file_that_was_there_stays()
    {
        using TemporaryFolder folder = new();
        string path = folder.PathOf("new");
        Assert.Throws<OperationCanceledException>(() => OutputFile.Write(path, _ => throw new OperationCanceledException()));
        Assert.False(File.Exists(path));
        folder.Write("new", [1, 2, 3]);
        Assert.Throws<InputException>(() => OutputFile.Write(path, _ => throw new IOException("full")));
        Assert.True(File.Exists(path));
    }

    /// <summary>A device keeps being one: it is written, not replaced.</summary>
    [Fact]
    public void A_device_is_written_in_place()
    {
        if (File.Exists("/dev/full"))
        {
            Assert.Contains(
                "/dev/full: cannot be written: No space left",
                Assert.Throws<InputException>(() => OutputFile.Write("/dev/full", output => output.Write(new byte[10]))).Message,
                StringComparison.Ordinal);
            Assert.NotEqual(10, new FileInfo("/dev/full").Length);
        }
    }
}
