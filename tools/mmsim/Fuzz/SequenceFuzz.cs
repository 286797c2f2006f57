using System.Globalization;
using System.Text;

namespace Mmsim.Fuzz;

/// <summary>What all targets do with a random sequence: run it, and make of one that fails a small one, as a test that can be pasted.</summary>
public static class SequenceFuzz
{
    /// <summary>Runs a sequence; shrinks it where it fails.</summary>
    /// <param name="operations">The sequence.</param>
    /// <param name="replay">Runs a sequence from a fresh start; throws where something is wrong.</param>
    /// <param name="test">The test's name, and the call up to the sequence: <c>Name() => Run.Replay(</c>.</param>
    public static FuzzResult Run<TOperation>(IReadOnlyList<TOperation> operations, Action<IReadOnlyList<TOperation>> replay, string test)
        where TOperation : notnull
    {
        if (FindFailure(operations, replay) is null)
        {
            return new FuzzResult(operations.Count);
        }

        IReadOnlyList<TOperation> smallest = SequenceShrinker.Shrink(operations, shorter => FindFailure(shorter, replay) is not null);
        return new FuzzResult(operations.Count, FindFailure(smallest, replay), FormatTest(test, smallest));
    }

    /// <summary>Runs a sequence; what went wrong, or null.</summary>
    public static string? FindFailure<TOperation>(IReadOnlyList<TOperation> operations, Action<IReadOnlyList<TOperation>> replay)
    {
#pragma warning disable CA1031 // whatever an operation throws is a finding
        try
        {
            replay(operations);
            return null;
        }
        catch (Exception wrong)
        {
            return wrong is FuzzMismatchException ? wrong.Message : $"{wrong.GetType().Name}: {wrong.Message}";
        }
#pragma warning restore CA1031
    }

    /// <summary>A sequence as a test that can be pasted.</summary>
    /// <param name="test">As for <see cref="Run"/>.</param>
    /// <param name="operations">The sequence; each operation's text is the C# that makes it.</param>
    public static string FormatTest<TOperation>(string test, IReadOnlyList<TOperation> operations)
        where TOperation : notnull
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"[Fact]\npublic void {test}\n    [\n");
        foreach (TOperation operation in operations)
        {
            text.Append(CultureInfo.InvariantCulture, $"        {operation},\n");
        }

        return text.Append("    ]);\n").ToString();
    }
}
