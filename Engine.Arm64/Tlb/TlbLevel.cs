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
    private readonly ulong pageSizes;
    private readonly bool holdsRuns;
    private readonly int aggregationMax;

    // How many used entries have each page size, and which sizes have any.
    private readonly int* sizeCounts;
    private ulong presentSizes;

    // How many used entries hold only a piece of a larger mapping.
    private int pieceCount;

    /// <summary>Creates an empty level.</summary>
    /// <param name="geometry">Its shape.</param>
    /// <param name="seed">For the random policy.</param>
    public TlbLevel(TlbLevelGeometry geometry, ulong seed)
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
        randomState = seed ^ ((ulong)geometry.Level << 56) ^ ((ulong)geometry.Sides << 48);

        // First pass adds up, second pass lays out.
        long lengthBytes = 0;
        LayOut(null, ref lengthBytes, ref entries, ref sizeCounts);
        storage = GC.AllocateArray<byte>(checked((int)lengthBytes + CacheLineBytes), pinned: true);
        byte* start = (byte*)(((nuint)Unsafe.AsPointer(ref storage[0]) + CacheLineBytes - 1) & ~(nuint)(CacheLineBytes - 1));
        lengthBytes = 0;
        LayOut(start, ref lengthBytes, ref entries, ref sizeCounts);
        Last = OwnLast;
        Clear();
    }

    /// <summary>The shape.</summary>
    public TlbLevelGeometry Geometry { get; }

    /// <summary>An entry that matches no address.</summary>
    public TlbEntry* Nothing => entries + entryCount;

    /// <summary>Where the most recently used entry of this level is kept. It matches nothing before the first use.</summary>
    public TlbEntry** Last { get; private set; }

    /// <summary>Lookups so far, where the owner counts them here.</summary>
    public ulong Lookups { get; set; }

    /// <summary>Misses so far.</summary>
    public ulong Misses { get; set; }

    private TlbEntry** OwnLast => (TlbEntry**)(entries + entryCount + 1);

    /// <summary>Keeps the most recently used entry in another place, which must live as long as the level.</summary>
    public void KeepLastAt(TlbEntry** cell)
    {
        *cell = *Last;
        Last = cell;
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
        *Last = Nothing;
        if (isFull)
        {
            ClearHash();
        }
        else
        {
            new Span<ulong>(lanes, checked((int)(sets * laneStride))).Clear();
        }

        ClearReplacement();
    }

    /// <summary>Fills one entry, in place of another where the set is full. The address must not have an entry of this size.</summary>
    /// <param name="address">Any address in the page.</param>
    /// <param name="sizeLog2">log2 of the bytes that the entry covers.</param>
    /// <param name="delta">Physical minus virtual address.</param>
    /// <param name="meta">As <see cref="TlbEntry"/> draws it.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TlbEntry* Insert(ulong address, int sizeLog2, ulong delta, ulong meta)
    {
        uint set = isFull ? 0 : SetOf(address, sizeLog2);
        uint slot = isFull ? TakeFullVictim() : TakeSetVictim(set);
        TlbEntry* entry = entries + slot;
        ulong mask = ulong.MaxValue << sizeLog2;
        if (entry->IsUsed)
        {
            pieceCount -= entry->IsPiece ? 1 : 0;
            if (isFull)
            {
                Unlink(slot, entry);
            }

            if (entry->Mask != mask)
            {
                ForgetSize(entry->SizeLog2);
                RememberSize(sizeLog2);
            }
        }
        else
        {
            RememberSize(sizeLog2);
        }

        entry->Tag = address & mask;
        entry->Mask = mask;
        entry->Delta = delta;
        entry->Meta = meta;
        pieceCount += entry->IsPiece ? 1 : 0;
        if (isFull)
        {
            Link(slot, address, sizeLog2);
        }
        else
        {
            lanes[(set * laneStride) + (slot - (set * (uint)ways))] = LaneOf(address, sizeLog2, meta);
        }

        NoteFill(slot, set);
        *Last = entry;
        return entry;
    }

    /// <summary>log2 of the bytes that an entry of this level gets for a translation.</summary>
    /// <param name="meta">The translation, as <see cref="TlbEntry"/> draws it.</param>
    /// <param name="aggregationLog2">log2 of the adjacent pages that could be aggregated.</param>
    /// <param name="limitLog2">log2 of the bytes that the source knows.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int SizeFor(ulong meta, int aggregationLog2, int limitLog2)
    {
        int reach = (int)(meta >> TlbEntry.PageSizeShift) & 63;
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
    public void Touch(TlbEntry* entry)
    {
        NoteUse((uint)(entry - entries));
        *Last = entry;
    }

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
        // One entry more that stays unused, and room behind it for the level's own Last.
        entryPlace = (TlbEntry*)Carve(start, ref offset, (long)(entryCount + 2) * sizeof(TlbEntry));
        sizePlace = (int*)Carve(start, ref offset, PageSizeBits * sizeof(int));
        if (isFull)
        {
            LayOutHash(start, ref offset);
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
