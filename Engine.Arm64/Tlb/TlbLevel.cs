// One TLB level, exact for its geometry.
//
// Two ways to find an entry, neither of which the outcome can tell apart:
//  - A fully associative level keeps its entries in a chained hash table by page number, one probe for each page size that is
//    present (TlbLevel.Full.cs).
//  - A level with sets keeps for each way of a set a 64-bit lane with address, size, ASID and global flag in one word, and
//    compares a whole set with a few vector instructions (TlbLevel.Sets.cs). set = page number mod sets, the page number
//    being that of the entry's own page size; again one probe for each size that is present.
// Which entry gives way is in TlbLevel.Replacement.cs.
//
// All state is one pinned block, so that the hot paths work on plain pointers.

using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Arm64.Tlb;

/// <summary>One level of a TLB: finds, replaces and invalidates entries.</summary>
internal sealed unsafe partial class TlbLevel
{
    private const int CacheLineBytes = 64;
    private const int PageSizeBits = 64;

    private readonly byte[] storage;
    private readonly TlbEntry* entries;
    private readonly int entryCount;
    private readonly int ways;
    private readonly uint sets;
    private readonly bool isFull;
    private readonly ReplacementPolicy policy;
    private readonly int groupPart;
    private readonly ulong pageSizes;

    // The page sizes that a plain entry keeps here: those of pageSizes, unless pages are aggregated.
    private readonly ulong plainSizes;
    private readonly bool holdsRuns;
    private readonly int aggregationMax;

    private ulong lookups;
    private ulong misses;

    // How many used entries have each page size, and which sizes have any.
    private readonly int* sizeCounts;
    private ulong presentSizes;

    // How many used entries hold only a piece of a larger mapping.
    private int pieceCount;

    /// <summary>Creates an empty level.</summary>
    /// <param name="geometry">Its shape.</param>
    /// <param name="seed">For the random policy.</param>
    /// <param name="group">The entries that a fully associative level shares with another, or null.</param>
    /// <param name="firstSlot">Where its own entries begin in them.</param>
    public TlbLevel(TlbLevelGeometry geometry, ulong seed, AssociativeEntries? group = null, int firstSlot = 0)
    {
        Geometry = geometry;
        entryCount = geometry.Entries;
        ways = geometry.Ways;
        sets = (uint)geometry.Sets;
        isFull = geometry.IsFullyAssociative;
        policy = geometry.Policy;
        pageSizes = geometry.PageSizes;
        holdsRuns = geometry.HoldsContiguousRuns;
        aggregationMax = geometry.AggregationLog2;
        plainSizes = aggregationMax == 0 ? pageSizes : 0;
        randomState = seed ^ ((ulong)geometry.Level << 56) ^ ((ulong)geometry.Sides << 48);
        Group = isFull ? group ?? new AssociativeEntries(entryCount) : null;
        FirstSlot = firstSlot;
        groupPart = firstSlot == 0 ? 0 : 1;

        // First pass adds up, second pass lays out.
        long lengthBytes = 0;
        LayOut(null, ref lengthBytes, ref entries, ref sizeCounts);
        storage = GC.AllocateArray<byte>(checked((int)lengthBytes + CacheLineBytes), pinned: true);
        byte* start = (byte*)(((nuint)Unsafe.AsPointer(ref storage[0]) + CacheLineBytes - 1) & ~(nuint)(CacheLineBytes - 1));
        lengthBytes = 0;
        LayOut(start, ref lengthBytes, ref entries, ref sizeCounts);
        if (Group != null)
        {
            entries = Group.Entries + firstSlot;
        }

        Clear();
    }

    /// <summary>The shape.</summary>
    public TlbLevelGeometry Geometry { get; }

    /// <summary>The entries and their order, where the level is fully associative.</summary>
    public AssociativeEntries? Group { get; }

    /// <summary>Where the level's own entries begin in <see cref="Group"/>.</summary>
    public int FirstSlot { get; }

    /// <summary>An entry that matches no address.</summary>
    public TlbEntry* Nothing => entries + entryCount;

    /// <summary>Lookups so far, where the owner counts them here.</summary>
    public ulong Lookups
    {
        get => lookups;
        set => lookups = value;
    }

    /// <summary>Misses so far.</summary>
    public ulong Misses
    {
        get => misses;
        set => misses = value;
    }

    /// <summary>Finds the entry that translates an address in the current address space.</summary>
    /// <returns>Null where there is none.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TlbEntry* Find(ulong address) => isFull ? FindHashed(address) : FindInSets(address);

    /// <summary>Empties the level; statistics stay.</summary>
    public void Clear()
    {
        for (int slot = 0; slot <= entryCount; slot++)
        {
            entries[slot].Clear();
        }

        new Span<int>(sizeCounts, PageSizeBits).Clear();
        presentSizes = 0;
        pieceCount = 0;
        hasOtherVmids = false;
        if (isFull)
        {
            ClearHash();
        }
        else
        {
            new Span<ulong>(lanes, checked((int)(sets * laneStride))).Clear();
            hasGlobals = false;
        }

        ClearReplacement();
    }

    /// <summary>Fills one entry, in place of another where the set is full. The address must not have an entry of this size.</summary>
    /// <param name="source">The entry as it is to be; plain, or made by <see cref="TlbEntry.Create"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TlbEntry* Insert(TlbEntry* source) => isFull ? InsertFull(source) : InsertInSet(source);

    /// <summary>Whether this level holds a plain entry as it is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool HoldsAsIs(TlbEntry* entry) =>
        (entry->Meta & TlbEntry.Plain) != 0 && ((plainSizes >> entry->SizeLog2) & 1) != 0;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private TlbEntry* InsertFull(TlbEntry* source)
    {
        uint slot = TakeFullVictim();
        TlbEntry* entry = entries + slot;
        KeepVictim(entry);
        if (((entry->Mask ^ source->Mask) | (~(entry->Meta & source->Meta) & TlbEntry.Plain)) != 0)
        {
            CountSizes(entry, source);
        }

        if (entry->IsUsed)
        {
            Unlink((uint)FirstSlot + slot);
        }

        *entry = *source;
        Link((uint)FirstSlot + slot, source->Tag, source->SizeLog2);
        if (IsOrdered)
        {
            Group!.Append((uint)FirstSlot + slot);
        }
        else if (policy == ReplacementPolicy.Plru)
        {
            PointAway(slot);
        }

        return entry;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private TlbEntry* InsertInSet(TlbEntry* source)
    {
        int sizeLog2 = source->SizeLog2;
        uint set = SetOf(source->Tag, sizeLog2);
        uint first = set * (uint)ways;
        uint slot = TakeSetVictim(set, first);
        TlbEntry* entry = entries + slot;
        KeepVictim(entry);
        if (((entry->Mask ^ source->Mask) | (~(entry->Meta & source->Meta) & TlbEntry.Plain)) != 0)
        {
            CountSizes(entry, source);
        }

        *entry = *source;
        lanes[(set * laneStride) + (slot - first)] = LaneOf(source->Tag, sizeLog2, source->Meta);
        if (IsOrdered)
        {
            MoveToFront(slot, set);
        }
        else if (policy == ReplacementPolicy.Plru)
        {
            PointAway(slot);
        }

        return entry;
    }

    // Keeps the counts of page sizes and pieces when one entry takes another's place.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void CountSizes(TlbEntry* old, TlbEntry* source)
    {
        if (old->IsUsed)
        {
            ForgetSize(old->SizeLog2);
            pieceCount -= old->IsPiece ? 1 : 0;
        }

        RememberSize(source->SizeLog2);
        pieceCount += source->IsPiece ? 1 : 0;
    }

    /// <summary>log2 of the bytes that an entry of this level gets for a translation.</summary>
    /// <param name="meta">The translation, as <see cref="TlbEntry"/> draws it.</param>
    /// <param name="aggregationLog2">log2 of the adjacent pages that could be aggregated.</param>
    /// <param name="limitLog2">log2 of the bytes that the source knows.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int SizeFor(ulong meta, int aggregationLog2, int limitLog2)
    {
        int reach = (int)((meta >> TlbEntry.PageSizeShift) & 63);
        if (((meta >> TlbEntry.ContiguousShift) & 1) != 0 && holdsRuns)
        {
            reach = TlbEntry.RunSizeLog2(reach);
        }
        else if (aggregationLog2 != 0 && aggregationMax != 0 && ((pageSizes >> reach) & 1) != 0)
        {
            return Math.Min(reach + Math.Min(aggregationLog2, aggregationMax), limitLog2);
        }

        reach = Math.Min(reach, limitLog2);
        return BitOperations.Log2(pageSizes & ((2UL << reach) - 1));
    }

    /// <summary>Notes that an entry was used.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Touch(TlbEntry* entry) => NoteUse(SlotOf(entry));

    /// <summary>The slot of an entry of this level.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint SlotOf(TlbEntry* entry) => (uint)((nuint)((byte*)entry - (byte*)entries) / (nuint)sizeof(TlbEntry));

    private void RememberSize(int sizeLog2)
    {
        sizeCounts[sizeLog2]++;
        presentSizes |= 1UL << sizeLog2;
    }

    private void ForgetSize(int sizeLog2)
    {
        if (--sizeCounts[sizeLog2] == 0)
        {
            presentSizes &= ~(1UL << sizeLog2);
        }
    }

    private void LayOut(byte* start, ref long offset, ref TlbEntry* entryPlace, ref int* sizePlace)
    {
        // One entry more that stays unused.
        entryPlace = (TlbEntry*)Carve(start, ref offset, isFull ? 0 : (long)(entryCount + 1) * sizeof(TlbEntry));
        sizePlace = (int*)Carve(start, ref offset, PageSizeBits * sizeof(int));
        if (isFull)
        {
            LayOutHash();
        }
        else
        {
            LayOutSets(start, ref offset);
        }

        LayOutReplacement(start, ref offset);
    }

    private static byte* Carve(byte* start, ref long offset, long lengthBytes)
    {
        byte* place = start + offset;
        offset += (lengthBytes + CacheLineBytes - 1) & ~(long)(CacheLineBytes - 1);
        return place;
    }

    private static uint RoundUpToPowerOf2(int value) => BitOperations.RoundUpToPowerOf2((uint)value);
}
