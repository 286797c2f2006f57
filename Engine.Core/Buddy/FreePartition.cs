using System.Runtime.CompilerServices;

namespace Engine.Core.Buddy;

/// <summary>
/// How the free area of a zone is divided: into parts of equally many pageblocks, each with its own lock, counters and bitmaps. A CPU takes
/// from its own part while that has what is wanted, so that CPUs on different host threads do not wait for each other.
/// One part is Linux's zone: the smallest sufficient block of all is taken. Several are as if each CPU had its own end of the free lists.
/// </summary>
internal readonly struct FreePartition
{
    // Smaller parts would soon be empty, and their CPUs take from others.
    private const int BlocksMin = 16;

    /// <summary>Parts, at least one.</summary>
    public readonly int Count;

    /// <summary>Pageblocks of a part; even, because pairs belong together. The last part may have fewer.</summary>
    public readonly int BlockCount;

    // 2^64 / BlockCount, rounded up; 0 where there is one part.
    private readonly ulong reciprocal;

    private FreePartition(int blockCount, int partBlocks)
    {
        BlockCount = partBlocks;
        Count = (blockCount + partBlocks - 1) / partBlocks;
        reciprocal = Count == 1 ? 0 : (ulong.MaxValue / (uint)partBlocks) + 1;
    }

    /// <summary>As many parts as wanted, or as many as are not too small.</summary>
    /// <param name="blockCount">The zone's pageblocks.</param>
    /// <param name="wanted">CPUs that want a part of their own.</param>
    public static FreePartition Divide(int blockCount, int wanted) =>
        OfSize(blockCount, Math.Max(BlocksMin, (blockCount + wanted - 1) / wanted));

    /// <summary>Parts of <paramref name="partBlocks"/> pageblocks, rounded up to pairs.</summary>
    public static FreePartition OfSize(int blockCount, int partBlocks) => new(blockCount, (partBlocks + 1) & ~1);

    /// <summary>The part of a pageblock, by its place in the zone.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int PartOf(int place) => (int)Math.BigMul(reciprocal, (uint)place, out _);
}
