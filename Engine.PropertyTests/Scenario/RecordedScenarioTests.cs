using Mmsim.Scenario;
using Xunit;

namespace Engine.PropertyTests.Scenario;

/// <summary>Scripts about one subject each, with what a Linux 6.18 kernel answered (<c>tools/oracle</c>).</summary>
public sealed class RecordedScenarioTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Scenario", "Recorded");

    public static TheoryData<string> Names => [.. Directory.GetFiles(Folder, "*.scn").Select(file => Path.GetFileNameWithoutExtension(file)!).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_engine_answers_as_the_kernel_did(string name)
    {
        string script = Path.Combine(Folder, name + ".scn");
        List<string> lines = [];
        ScenarioRunner.Run(name, ScenarioParser.Parse(name, File.ReadAllLines(script)), 1, lines.Add);
        Assert.Equal(File.ReadAllLines(Path.ChangeExtension(script, ".expected")), lines);
    }
}
