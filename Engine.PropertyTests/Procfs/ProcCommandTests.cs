using Engine.PropertyTests.MmsimTests;
using Engine.PropertyTests.Support;
using Xunit;

namespace Engine.PropertyTests.Procfs;

/// <summary><c>mmsim proc</c> as a user calls it.</summary>
public sealed class ProcCommandTests
{
    [Fact]
    public void A_view_of_the_bundled_program_is_printed()
    {
        CommandLineRun run = CommandLineRun.Of("proc", "1/smaps", "--quiet");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        List<ProcEntry> entries = ProcReader.Parse(run.Output);
        Assert.Contains(entries, entry => entry.Name.EndsWith("libc.so.6", StringComparison.Ordinal) && entry.Access == "r-xp" && entry.Values["Rss"] > 0);
        Assert.Contains(entries, entry => entry.Name == "[heap]");
    }

    [Fact]
    public void A_part_of_a_word_file_is_printed_and_the_tree_holds_the_same()
    {
        using TemporaryFolder folder = new();
        string root = folder.PathOf("proc");
        CommandLineRun run = CommandLineRun.Of("proc", "--program", "--quiet", "--memory", "256M", "--write-to", root);
        Assert.Equal((0, "", ""), (run.ExitCode, run.Output, run.Error));
        ProcEntry heap = ProcReader.Parse(File.ReadAllText(Path.Combine(root, "1", "maps"))).First(entry => entry.Name == "[heap]");
        using FileStream pagemap = File.OpenRead(Path.Combine(root, "1", "pagemap"));
        Assert.Equal(1L << 39, pagemap.Length);
        pagemap.Position = (long)(heap.Start / 4096 * 8);
        byte[] words = new byte[16];
        pagemap.ReadExactly(words);
        Assert.NotEqual(0, words[7]);
        run = CommandLineRun.Of("proc", "kpagecount", "--memory", "64M", "--offset", "2M", "--length", "64");
        Assert.Equal((0, 64), (run.ExitCode, run.Output.Length));
        Assert.Equal(0, run.Output.Trim('\0').Length);
    }

    [Fact]
    public void A_fresh_machine_lists_its_files_and_has_slabs()
    {
        string[] names = CommandLineRun.Of("proc").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Superset(new HashSet<string> { "buddyinfo", "meminfo", "slabinfo", "vmstat", "zoneinfo", "kpageflags", "kpagecount" }, new HashSet<string>(names));
        CommandLineRun run = CommandLineRun.Of("proc", "slabinfo");
        Assert.StartsWith("slabinfo - version: 2.1\n# name ", run.Output, StringComparison.Ordinal);
        Assert.Contains("\nmaple_node ", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("there is no /proc/nothing", "proc", "nothing")]
    [InlineData("there is no /proc/7/maps", "proc", "7/maps", "--quiet")]
    [InlineData("/proc/1/pagemap is 512.0 GiB long", "proc", "1/pagemap", "--quiet")]
    [InlineData("--offset 4 ", "proc", "kpagecount", "--offset", "4", "--length", "8")]
    [InlineData("/proc/meminfo is not made of words", "proc", "meminfo", "--offset", "8")]
    [InlineData("--program does not go together", "proc", "1/maps", "--program", "--trace", "x")]
    [InlineData("'x' is not a size", "proc", "kpageflags", "--length", "x")]
    public void Bad_use_is_one_line_and_exit_code_2(string error, params string[] arguments)
    {
        CommandLineRun run = CommandLineRun.Of(arguments);
        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        Assert.Contains(error, run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("mmsim: ", run.Error, StringComparison.Ordinal);
    }
}
