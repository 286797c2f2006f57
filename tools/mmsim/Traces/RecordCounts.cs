using System.Numerics;
using System.Runtime.InteropServices;
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
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<Access, ulong>(accesses);
        Vector<ulong> lows = Vector<ulong>.Zero;
        Vector<ulong> highs = Vector<ulong>.Zero;
        Vector<ulong> boths = Vector<ulong>.Zero;
        while (words.Length >= Vector<ulong>.Count)
        {
            Vector<ulong> word = new(words);
            Vector<ulong> shifted = word >> 1;
            lows += word & Vector<ulong>.One;
            highs += shifted & Vector<ulong>.One;
            boths += word & shifted & Vector<ulong>.One;
            words = words[Vector<ulong>.Count..];
        }

        ulong low = Vector.Sum(lows);
        ulong high = Vector.Sum(highs);
        ulong both = Vector.Sum(boths);
        foreach (ulong word in words)
        {
            low += word & 1;
            high += (word >> 1) & 1;
            both += word & (word >> 1) & 1;
        }

        return new RecordCounts(accesses.Length - (long)(low + high - both), (long)(low - both), (long)(high - both), (long)both);
    }

    /// <summary>Adds kind by kind.</summary>
    public static RecordCounts operator +(RecordCounts left, RecordCounts right) =>
        new(left.Instr + right.Instr, left.Load + right.Load, left.Store + right.Store, left.Modify + right.Modify);
}
