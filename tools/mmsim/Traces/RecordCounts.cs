using Engine.Arm64.Translation;

namespace Mmsim.Traces;

/// <summary>Access records by kind; a modify counts once.</summary>
/// <param name="Instr">Instruction fetches.</param>
/// <param name="Load">Data reads.</param>
/// <param name="Store">Data writes.</param>
/// <param name="Modify">Reads and writes of one place by one instruction.</param>
public readonly record struct RecordCounts(long Instr, long Load, long Store, long Modify)
{
    /// <summary>All of them.</summary>
    public long Total => Instr + Load + Store + Modify;

    /// <summary>Counts the kinds of some accesses.</summary>
    public static RecordCounts Of(ReadOnlySpan<Access> accesses)
    {
        // The kinds are 0..3: the low bit, the high bit and both tell all four counts without a branch.
        ulong low = 0;
        ulong high = 0;
        ulong both = 0;
        foreach (Access access in accesses)
        {
            ulong kind = (ulong)access.Kind;
            low += kind & 1;
            high += kind >> 1;
            both += kind & (kind >> 1);
        }

        return new RecordCounts(accesses.Length - (long)(low + high - both), (long)(low - both), (long)(high - both), (long)both);
    }

    /// <summary>Adds kind by kind.</summary>
    public static RecordCounts operator +(RecordCounts left, RecordCounts right) =>
        new(left.Instr + right.Instr, left.Load + right.Load, left.Store + right.Store, left.Modify + right.Modify);
}
