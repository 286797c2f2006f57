using System.Numerics;

namespace Engine.Core.Buddy;

/// <summary>
/// How the free area of a zone is divided: into parts of a power of two of pageblocks, each with its own lock, counters and bitmaps. A CPU
/// takes from its own part while that has what is wanted, so that CPUs on different host threads do not wait for each other.
/// One part is Linux's zone: the smallest sufficient block of all is taken. Several are as if each CPU had its own end of the free lists.
/// </summary>
/// <param name="Count">Parts, at least one.</param>
/// <param name="Shift">log2 of a part's pageblocks.</param>
internal readonly record struct FreePartition(int Count, int Shift)
{
    // Smaller parts would soon be empty, and their CPUs take from others.
    private const int BlocksMin = 16;

    // Beyond every pageblock number.
    private const int WholeShift = 30;

    /// <summary>The zone in one piece.</summary>
    public static FreePartition Whole => new(1, WholeShift);

    /// <summary>At least as many parts as wanted, where the zone is large enough.</summary>
    /// <param name="blockCount">The zone's pageblocks.</param>
    /// <param name="wanted">CPUs that want a part of their own.</param>
    public static FreePartition Divide(int blockCount, int wanted)
    {
        int count = Math.Min(wanted, blockCount / BlocksMin);
        return count <= 1 ? Whole : Of(blockCount, BitOperations.Log2((uint)(blockCount / count)));
    }

    /// <summary>Parts of 2^<paramref name="shift"/> pageblocks; at least pairs, which belong together.</summary>
    public static FreePartition Of(int blockCount, int shift) => new(((blockCount - 1) >> shift) + 1, shift);
}
