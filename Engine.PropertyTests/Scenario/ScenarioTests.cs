using Engine.PropertyTests.Support;
using Mmsim.Cli;
using Mmsim.Scenario;
using Xunit;

namespace Engine.PropertyTests.Scenario;

/// <summary>Scenario scripts: bad ones are refused with file and line, recorded ones give what Linux gave.</summary>
public sealed class ScenarioTests
{

    [Theory]
    [InlineData("frobnicate A", "s.scn:2: unknown operation 'frobnicate'")]
    [InlineData("mmap A 4 rq private anon", "s.scn:2: 'rq' is no protection")]
    [InlineData("mmap A x rw private anon", "s.scn:2: 'x' is not a number")]
    [InlineData("mmap A 4 rw private", "s.scn:2: the line ends too early")]
    [InlineData("madvise A 0 1 soon", "s.scn:2: unknown advice 'soon'")]
    [InlineData("obs now", "s.scn:2: unexpected 'now'")]
    [InlineData("read A 0", "s.scn:2: no region 'A'")]
    [InlineData("mmap A 4 rw private file F 0", "s.scn:2: no file 'F'")]
    [InlineData("P: obs", "s.scn:2: no live process 'P'")]
    [InlineData("fork main", "s.scn:2: process 'main' exists")]
    public void Bad_lines_are_refused(string line, string message)
    {
        InputException error = Assert.Throws<InputException>(() => Run("s.scn", ["# a comment", line]));
        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
    }

    // strtol's numbers, as tools/oracle reads them.
    [Theory]
    [InlineData("3", 3)]
    [InlineData("+3", 3)]
    [InlineData("010", 8)]
    [InlineData("0x1F", 31)]
    [InlineData("08", null)]
    [InlineData("0x", null)]
    [InlineData("0xg", null)]
    [InlineData("-", null)]
    [InlineData("1.5", null)]
    [InlineData("1_0", null)]
    [InlineData("99999999999999999999", null)]
    public void Numbers_are_as_c_writes_them(string number, int? pages)
    {
        List<string>? lines = null;
        Exception? error = Record.Exception(() => lines = Run("s.scn", [$"mmap A {number} rw private anon", "obs"]));
        if (pages is null)
        {
            Assert.IsType<InputException>(error);
        }
        else
        {
            Assert.Contains($"\"n\":{pages},", lines![1], StringComparison.Ordinal);
        }
    }

    [SharedDataFact("oracle/visible")]
    public void Recorded_scenarios_give_the_recorded_lines()
    {
        string folder = SharedData.Find("oracle/visible")!;
        int compared = 0;
        foreach (string script in Directory.GetFiles(folder, "*.scn"))
        {
            Assert.Equal(File.ReadAllLines(Path.ChangeExtension(script, ".expected")), Run(script, File.ReadAllLines(script)));
            compared++;
        }

        Assert.True(compared >= 22);
    }

    private static List<string> Run(string name, IReadOnlyList<string> script)
    {
        List<string> lines = [];
        ScenarioRunner.Run(name, ScenarioParser.Parse(name, script), 1, lines.Add);
        return lines;
    }
}
