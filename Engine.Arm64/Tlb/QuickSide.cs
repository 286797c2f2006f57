// What the short way through a miss needs of the two levels that fetches, or data accesses, go through: one place for one register to
// point to.

namespace Engine.Arm64.Tlb;

/// <summary>A first level and its second one, as the short way sees them. Lives in pinned memory.</summary>
internal unsafe struct QuickSide
{
    /// <summary>Whether the short way goes at all: both levels are of the right shape, and the first one is full.</summary>
    public bool IsOpen;

    /// <summary>Whether all entries of both levels are plain ones of the page size that hints go by.</summary>
    public bool IsUniform;

    /// <summary>Whether the second level may have global entries.</summary>
    public bool HasGlobals;

    /// <summary>log2 of the page size that hints go by.</summary>
    public int Shift;

    /// <summary>The first level's part of <see cref="AssociativeEntries.Index"/>.</summary>
    public uint* Index;

    /// <summary>The words of the index, less one.</summary>
    public uint IndexMask;

    /// <summary>The slot that ends chains.</summary>
    public uint None;

    /// <summary><see cref="None"/> where it is open and uniform; else a number that no slot has.</summary>
    public uint NoneIfPlain;

    /// <summary>As <see cref="AssociativeEntries.Links"/>.</summary>
    public uint* Links;

    /// <summary>As <see cref="AssociativeEntries.Entries"/>.</summary>
    public TlbEntry* Entries;

    /// <summary>As <see cref="AssociativeEntries.Log"/>.</summary>
    public ushort* Log;

    /// <summary>As <see cref="AssociativeEntries.Stamps"/>.</summary>
    public ushort* Stamps;

    /// <summary>Where the search for the first level's oldest entry begins in the log.</summary>
    public int* Start;

    /// <summary>The first free position of the log.</summary>
    public int* End;

    /// <summary>The length of the log.</summary>
    public int LogLength;

    /// <summary>Which part of the group the first level is.</summary>
    public int Part;

    /// <summary>The first level's first slot in the group.</summary>
    public uint FirstSlot;

    /// <summary>The first level's slots.</summary>
    public uint SlotCount;

    /// <summary>The second level's lanes, orders and entries, as <see cref="TlbLevel"/> describes them.</summary>
    public ulong* Lanes;

    /// <summary>A matrix for each set.</summary>
    public ulong* Orders;

    /// <summary>Entries by set and way.</summary>
    public TlbEntry* SecondEntries;

    /// <summary>A row of a matrix with a bit for each way.</summary>
    public ulong FullRow;

    /// <summary>What a lane of the current address space has beside its address.</summary>
    public ulong LaneTags;

    /// <summary>Sets.</summary>
    public uint Sets;

    /// <summary>Sets less one, where they are a power of two; else 0.</summary>
    public uint SetMask;

    /// <summary>For the remainder where sets are no power of two.</summary>
    public ulong SetReciprocal;

    /// <summary>Lanes of a set.</summary>
    public uint LaneStride;

    /// <summary>Ways of a set.</summary>
    public uint Ways;

    /// <summary>What <see cref="TlbEntry.Meta"/> must have of ASID and VMID.</summary>
    public ulong Tags;

    /// <summary>Counts of walks by first and last level; null where only the second level may fill.</summary>
    public ulong* Walks;

    /// <summary>Misses of the first level on the short way, each a lookup in the second.</summary>
    public ulong Misses;

    /// <summary>Misses of the second level on the short way.</summary>
    public ulong SecondMisses;
}
