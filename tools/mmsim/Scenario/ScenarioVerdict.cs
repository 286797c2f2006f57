using System.Text.Json;

namespace Mmsim.Scenario;

/// <summary>What became of one script that was compared with its recorded output.</summary>
/// <param name="Name">The script's name.</param>
/// <param name="LineCount">Lines recorded.</param>
/// <param name="FirstDifference">The first line that differs, from 1; 0 where none does.</param>
/// <param name="Expected">What was recorded there.</param>
/// <param name="Found">What the engine says.</param>
/// <param name="Error">Why the script cannot be run, or null.</param>
internal sealed record ScenarioVerdict(string Name, int LineCount, int FirstDifference, string? Expected, string? Found, string? Error)
{
    private const string Nothing = "(nothing)";

    /// <summary>Whether all lines are equal.</summary>
    public bool IsEqual => FirstDifference == 0 && Error is null;

    /// <summary>The result in words.</summary>
    public string Result => Error is not null ? "cannot be run" : IsEqual ? "equal" : $"differs at line {FirstDifference}";

    /// <summary>Compares line by line.</summary>
    public static ScenarioVerdict Compare(string name, IReadOnlyList<string> expected, IReadOnlyList<string> found)
    {
        for (int i = 0; i < Math.Max(expected.Count, found.Count); i++)
        {
            (string wanted, string said) = (At(expected, i), At(found, i));
            if (wanted != said)
            {
                return new ScenarioVerdict(name, expected.Count, i + 1, wanted, said, null);
            }
        }

        return new ScenarioVerdict(name, expected.Count, 0, null, null, null);
    }

    /// <summary>Describes a difference in a few lines.</summary>
    public string Describe() => $"{Name}:{FirstDifference}\n  expected {Expected}\n  found    {Found}";

    /// <summary>Writes the verdict as JSON.</summary>
    public void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("name", Name);
        writer.WriteNumber("lines", LineCount);
        writer.WriteBoolean("equal", IsEqual);
        if (Error is not null)
        {
            writer.WriteString("error", Error);
        }
        else if (!IsEqual)
        {
            writer.WriteNumber("line", FirstDifference);
            writer.WriteString("expected", Expected);
            writer.WriteString("found", Found);
        }

        writer.WriteEndObject();
    }

    private static string At(IReadOnlyList<string> lines, int index) => index < lines.Count ? lines[index] : Nothing;
}
