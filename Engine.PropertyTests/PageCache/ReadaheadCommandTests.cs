using System.CommandLine;
using System.Text.Json;
using Engine.PropertyTests.Support;
using Mmsim.Cli;
using Mmsim.Commands;
using Xunit;

namespace Engine.PropertyTests.PageCache;

/// <summary>The command line: exit codes, and the totals in JSON.</summary>
public sealed class ReadaheadCommandTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("readahead").FullName;

    private static string Recording =>
        Path.Combine(SharedData.RepositoryRoot, "Engine.PropertyTests", "PageCache", "Fixtures", "loop128.readahead.csv");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Check_says_whether_a_recording_is_met()
    {
        Assert.Equal(ExitCode.Done, Run(Recording, "--ra-kb", "128", "--only", "seq4k", "--check", "--quiet"));
        Assert.Equal(ExitCode.Difference, Run(Recording, "--ra-kb", "64", "--only", "seq4k", "--check", "--quiet"));
        Assert.Equal(ExitCode.Done, Run(Recording, "--ra-kb", "128", "--only", "ilv2_twofd", "--descriptors", "2", "--check", "--quiet"));
        Assert.Equal(ExitCode.Done, Run(Recording, "--ra-kb", "128", "--only", "seq4k_fadvrandom", "--advice", "random", "--check", "--quiet"));
    }

    [Fact]
    public void Json_has_the_totals_of_the_summary()
    {
        string json = Path.Combine(folder, "report.json");
        Assert.Equal(ExitCode.Done, Run(Recording, "--ra-kb", "128", "--only", "stride16", "--quiet", "--json", json));
        JsonElement pattern = JsonDocument.Parse(File.ReadAllText(json)).RootElement.GetProperty("patterns")[0];
        Assert.Equal("stride16", pattern.GetProperty("pattern").GetString());
        Assert.Equal(160, pattern.GetProperty("accesses").GetInt64());
        Assert.Equal(163, pattern.GetProperty("folios_added").GetInt64());
        Assert.Equal(0, pattern.GetProperty("max_order").GetInt32());
    }

    [Theory]
    [InlineData("")]
    [InlineData("not,a,recording\n")]
    [InlineData("pattern,access_no,access_kind,page_index\n")]
    [InlineData("pattern,access_no,access_kind,page_index\na,0,read\n")]
    [InlineData("pattern,access_no,access_kind,page_index\na,0,write,5\n")]
    [InlineData("pattern,access_no,access_kind,page_index\na,-1,read,5\n")]
    [InlineData("pattern,access_no,access_kind,page_index\na,0,read,99999999999999\n")]
    [InlineData("pattern,access_no,access_kind,page_index,added_first_index,added_pages,order\na,0,read,5,x,1,0\n")]
    [InlineData("\u0001\u0002\u0003")]
    public void Bad_recordings_are_bad_input(string text)
    {
        string path = Path.Combine(folder, "bad.csv");
        File.WriteAllText(path, text);
        Assert.Equal(ExitCode.BadInput, Run(path, "--ra-kb", "128", "--quiet"));
    }

    [Theory]
    [InlineData("--ra-kb", "99999999999")]
    [InlineData("--ra-kb", "128", "--pages-per-access", "0")]
    [InlineData("--ra-kb", "128", "--file-pages", "10")]
    [InlineData("--ra-kb", "128", "--descriptors", "0")]
    [InlineData("--ra-kb", "128", "--folio-order", "10")]
    [InlineData("--ra-kb", "128", "--only", "nothing")]
    [InlineData("--ra-kb", "128", "--advice", "sometimes")]
    [InlineData("--ra-kb", "128", "--kernel", "2.4")]
    [InlineData("--quiet")]
    public void Bad_options_are_bad_input(params string[] options) => Assert.Equal(ExitCode.BadInput, Run([Recording, .. options]));

    [Theory]
    [InlineData("--file-pages: 0 is out of range (expected 1 to 16777216)", "--file-pages", "0")]
    [InlineData("--descriptors: -3 is out of range (expected 1 to 4096)", "--descriptors", "-3")]
    [InlineData("--folio-order: -1 is out of range (expected 0 to 9)", "--folio-order", "-1")]
    public void A_value_out_of_range_is_named_as_it_was_given(string error, params string[] options) =>
        Assert.Contains(error, CommandLineRun.Of(["readahead", Recording, "--ra-kb", "128", .. options]).Error, StringComparison.Ordinal);

    [Fact]
    public void A_missing_file_is_bad_input() => Assert.Equal(ExitCode.BadInput, Run(Path.Combine(folder, "none.csv"), "--ra-kb", "128"));

    private static int Run(params string[] arguments)
    {
        RootCommand root = new() { GeneralOptions.Json, GeneralOptions.Quiet, GeneralOptions.Seed };
        root.Subcommands.Add(ReadaheadCommand.Create());
        return CommandRunner.Run(root, ["readahead", .. arguments]);
    }
}
