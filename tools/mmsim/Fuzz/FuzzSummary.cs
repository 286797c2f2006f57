using System.Text.Json;

namespace Mmsim.Fuzz;

/// <summary>What came of all the sequences of a run.</summary>
/// <param name="Sequences">How many ran.</param>
/// <param name="Operations">How many operations they had.</param>
/// <param name="LastSeed">The seed of the last one: the one that failed, if any did.</param>
/// <param name="Seconds">How long they took.</param>
/// <param name="Failure">What went wrong, or null.</param>
/// <param name="Test">The minimal failing sequence, or null.</param>
internal readonly record struct FuzzSummary(ulong Sequences, long Operations, ulong LastSeed, double Seconds, string? Failure, string? Test)
{
    /// <summary>Writes the members of the JSON report. How far a run comes depends on the host's speed.</summary>
    public void Write(Utf8JsonWriter writer, string target, ulong seed)
    {
        writer.WriteString("target", target);
        writer.WriteNumber("seed", seed);
        if (Failure is null)
        {
            writer.WriteNull("failure");
        }
        else
        {
            writer.WriteStartObject("failure");
            writer.WriteNumber("seed", LastSeed);
            writer.WriteString("what", Failure);
            writer.WriteString("test", Test);
            writer.WriteEndObject();
        }

        writer.WriteStartObject("timing");
        writer.WriteNumber("seconds", Seconds);
        writer.WriteNumber("sequences", Sequences);
        writer.WriteNumber("operations", Operations);
        writer.WriteEndObject();
    }
}
