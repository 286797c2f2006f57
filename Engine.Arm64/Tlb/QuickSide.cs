// What the short way through a miss needs of the two levels that fetches, or data accesses, go through: one place for one register to
// point to.

using System.Runtime.InteropServices;

namespace Engine.Arm64.Tlb;

/// <summary>
/// A first level and its second one, as the short way sees them. Lives in pinned memory; its size lets a shift find the second of two.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 256)]
internal unsafe struct QuickSide
{
    /// <summary>
    /// Whether the short way goes at all: both levels are of the right shape, and the second one has no other VMID's entries.
    /// </summary>
    public bool IsOpen;

    /// <summary>Whether the first level has unused slots: they are filled before any entry gives way.</summary>
    public bool HasFree;

    /// <summary>Whether all entries of both levels are plain ones of the page size that hints go by.</summary>
    public bool IsUniform;

    /// <summary>Whether the second level may have global entries.</summary>
    public bool HasGlobals;

    /// <summary>log2 of the page size that hints go by.</summary>
    public int Shift;

    /// <summary>The first permission bit of the exception level that accesses come from.</summary>
    public int PermissionShift;

    /// <summary>What an entry has of its shape where it may be filled by the short way: plain, and of the page size that hints go by.</summary>
    public ulong Shape;

    /// <summary>ASID and VMID as <see cref="TlbEntry.Meta"/> has them.</summary>
    public ulong Tags;

    /// <summary>The first level's part of <see cref="AssociativeEntries.Index"/>.</summary>
    public IndexCell* Index;

    /// <summary>The cells of the index, less one.</summary>
    public uint IndexMask;

    /// <summary>The slot that ends chains.</summary>
    public uint None;

    /// <summary><see cref="None"/> where it is open and uniform, and the first level full; else a number that no slot has.</summary>
    public uint NoneIfPlain;

    /// <summary>As <see cref="AssociativeEntries.Links"/>.</summary>
    public ChainLink* Links;

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

    /// <summary>What a use of each way changes in a matrix.</summary>
    public WayUse* WayUses;

    /// <summary>The address bits that entries compare.</summary>
    public ulong PageMask;

    /// <summary>The bits of a lane that come from the address.</summary>
    public ulong LaneMask;

    /// <summary>What the lane of a page has beside its address in any address space: the marker of its size.</summary>
    public ulong LaneMarker;

    /// <summary>What it has in the current one, where it is not global.</summary>
    public ulong LaneTags;

    /// <summary>Sets.</summary>
    public uint Sets;

    /// <summary>Sets less one, where they are a power of two; else 0.</summary>
    public uint SetMask;

    /// <summary>For the remainder where sets are no power of two.</summary>
    public ulong SetReciprocal;

    /// <summary>Bytes of a set's lanes.</summary>
    public uint SetLaneBytes;

    /// <summary>Bytes of a set's entries.</summary>
    public uint SetEntryBytes;

    /// <summary>A bit for each way of a set.</summary>
    public uint WayMask;

    /// <summary>Counts of walks by first and last level; null where only the second level may fill.</summary>
    public ulong* Walks;

    /// <summary>Misses of the first level on the short way, each a lookup in the second.</summary>
    public ulong Misses;

    /// <summary>Misses of the second level on the short way.</summary>
    public ulong SecondMisses;
}
