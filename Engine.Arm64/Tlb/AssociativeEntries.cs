// The entries of fully associative levels, and in which order they were used.
//
// The order is a log. Each use appends the slot to the log and stores the log's position as the slot's stamp; a position whose
// slot has a later stamp is stale. The victim of a level is the first position of its own that is not stale. When the log
// is full it is written anew with the live positions only, in order (a bitmap sorts them). So a use costs two stores, and the order is
// exactly LRU, or FIFO where only fills are logged.
//
// The first levels of both sides share one log and one array of entries: a batch of fetches and data accesses then needs one
// position, in a register. The order within each level is that of the common one.
//
// The index has for each level a cell for each page number mod 1024 (or more), with a hint and the first slot of a chain. The hint
// tells the hot loop in which slot to look first, by the number of the smallest page; it may be wrong; the entry decides. The
// chain has all entries of the level whose page number, each by its own page size, belongs to the cell. Each links to the next
// one; the level's unused slot behind its last one ends it.

using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Arm64.Tlb;

/// <summary>Entries of one or two fully associative levels with their common log of uses.</summary>
internal sealed unsafe class AssociativeEntries
{
    /// <summary>The most levels that share entries.</summary>
    public const int PartsMax = 2;

    /// <summary>The most uses between two calls of <see cref="MakeRoom"/>.</summary>
    public const int BlockLength = 1024;

    private const int IndexBitsMin = 10;
    private const ushort NoStamp = ushort.MaxValue;
    private const int SlotAlignment = 16;
    private const int LogLengthMin = 4 * BlockLength;
    private const int LogLengthMax = ushort.MaxValue - 63;
    private const int StepsMax = 96;
    private const int CacheLineBytes = 64;

    private readonly byte[] storage;
    private readonly ulong* bitmap;
    private readonly int logLength;
    private readonly int slotCount;

    /// <summary>Lays out the entries of the levels.</summary>
    /// <param name="entryCounts">Entries of each level; one or two.</param>
    public AssociativeEntries(params ReadOnlySpan<int> entryCounts)
    {
        foreach (int count in entryCounts)
        {
            // One more that is never used.
            slotCount += (count + SlotAlignment) & -SlotAlignment;
        }

        IndexBits = Math.Max(IndexBitsMin, BitOperations.Log2((uint)slotCount) + 1);
        logLength = Math.Clamp(slotCount * 4, LogLengthMin, LogLengthMax) & -64;
        long entryBytes = (long)slotCount * sizeof(TlbEntry);
        long stampBytes = (long)slotCount * sizeof(ushort);
        long logBytes = (long)logLength * sizeof(ushort);
        long indexBytes = (long)PartsMax * (1 << IndexBits) * sizeof(IndexCell);
        storage = GC.AllocateArray<byte>(
            checked((int)(entryBytes + (3 * stampBytes) + logBytes + indexBytes + (logLength / 8) + (2 * CacheLineBytes))), pinned: true);
        byte* place = (byte*)(((nuint)Unsafe.AsPointer(ref storage[0]) + CacheLineBytes - 1) & ~(nuint)(CacheLineBytes - 1));
        Entries = (TlbEntry*)place;
        Stamps = (ushort*)(place + entryBytes);
        Log = (ushort*)((byte*)Stamps + stampBytes);
        Index = (IndexCell*)((byte*)Log + logBytes);
        bitmap = (ulong*)((byte*)Index + indexBytes);
        Positions = (int*)(bitmap + (logLength / 64));
        Links = (ChainLink*)((byte*)Positions + CacheLineBytes);
        for (int slot = 0; slot < slotCount; slot++)
        {
            Entries[slot].Clear();
            Stamps[slot] = NoStamp;
        }
    }

    /// <summary>The entries of all levels.</summary>
    public TlbEntry* Entries { get; }

    /// <summary>For each slot the position in the log of its last use.</summary>
    public ushort* Stamps { get; }

    /// <summary>The slots in the order of their uses.</summary>
    public ushort* Log { get; }

    /// <summary>log2 of the cells of a level's index.</summary>
    public int IndexBits { get; }

    /// <summary>Hints and first slots of chains; each level has its own part.</summary>
    public IndexCell* Index { get; }

    /// <summary>For each used slot its place in its chain.</summary>
    public ChainLink* Links { get; }

    /// <summary>Where the search for each level's oldest entry begins in the log, then the first free position of the log.</summary>
    public int* Positions { get; }

    /// <summary>The first free position of the log.</summary>
    public int End
    {
        get => Positions[PartsMax];
        set => Positions[PartsMax] = value;
    }

    /// <summary>The first slot of a level.</summary>
    public static int FirstSlotOf(int part, int entriesOfFirstPart) => part == 0 ? 0 : (entriesOfFirstPart + SlotAlignment) & -SlotAlignment;

    /// <summary>Describes what a use needs.</summary>
    /// <param name="side">The description.</param>
    /// <param name="part">The level.</param>
    public void Describe(QuickSide* side, int part)
    {
        side->Index = Index + ((nuint)part << IndexBits);
        side->IndexMask = (1u << IndexBits) - 1;
        side->Links = Links;
        side->Entries = Entries;
        side->Log = Log;
        side->Stamps = Stamps;
        side->Start = Positions + part;
        side->End = Positions + PartsMax;
        side->LogLength = logLength;
        side->Part = part;
    }

    /// <summary>Notes a use.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Append(uint slot)
    {
        int end = End;
        if (end == logLength)
        {
            Compact();
            end = End;
        }

        Log[end] = (ushort)slot;
        Stamps[slot] = (ushort)end;
        End = end + 1;
    }

    /// <summary>Notes that a slot is used no more.</summary>
    public void Forget(uint slot) => Stamps[slot] = NoStamp;

    /// <summary>Makes sure that a block of uses can be logged without a check.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void MakeRoom()
    {
        if (End > logLength - BlockLength)
        {
            Compact();
        }
    }

    /// <summary>Takes the least recently logged slot of a level whose slots are all logged: its owner logs it again.</summary>
    /// <param name="part">Which level.</param>
    /// <param name="first">Its first slot.</param>
    /// <param name="count">Its slots.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint TakeOldest(int part, uint first, uint count)
    {
        int position = Positions[part];
        uint slot = Log[position];
        if (unchecked(slot - first) >= count || Stamps[slot] != position)
        {
            slot = SearchOldest(part, first, count);
        }

        Positions[part]++;
        return slot;
    }

    /// <summary>The slot that <see cref="TakeOldest"/> would take; the search begins there the next time.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public uint SearchOldest(int part, uint first, uint count)
    {
        int position = Positions[part];
        int limit = position + StepsMax;
        for (; position < limit; position++)
        {
            uint slot = Log[position];
            if (unchecked(slot - first) < count && Stamps[slot] == position)
            {
                Positions[part] = position;
                return slot;
            }
        }

        return FindOldest(part, first, count);
    }

    // Many uses since the last replacement: the smallest stamp is found without passing over them.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private uint FindOldest(int part, uint first, uint count)
    {
        // SAFETY: a level's slots begin and end at multiples of 16; the ones behind its last entry have the largest stamp.
        Vector256<ushort> least = Vector256.Load(Stamps + first);
        for (uint i = SlotAlignment; i < count; i += SlotAlignment)
        {
            least = Vector256.Min(least, Vector256.Load(Stamps + first + i));
        }

        Vector128<ushort> half = Vector128.Min(least.GetLower(), least.GetUpper());
        int stamp = half[0];
        if (Sse41.IsSupported)
        {
            stamp = Sse41.MinHorizontal(half)[0];
        }
        else
        {
            for (int i = 1; i < Vector128<ushort>.Count; i++)
            {
                stamp = Math.Min(stamp, half[i]);
            }
        }

        Positions[part] = stamp;
        return Log[stamp];
    }

    /// <summary>Writes the log anew.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Compact()
    {
        for (int slot = 0; slot < slotCount; slot++)
        {
            uint stamp = Stamps[slot];
            if (stamp != NoStamp)
            {
                bitmap[stamp / 64] |= 1UL << (int)(stamp % 64);
            }
        }

        int end = 0;
        for (int word = 0; word < logLength / 64; word++)
        {
            for (ulong live = bitmap[word]; live != 0; live &= live - 1)
            {
                ushort slot = Log[(word * 64) + BitOperations.TrailingZeroCount(live)];
                Log[end] = slot;
                Stamps[slot] = (ushort)end;
                end++;
            }

            bitmap[word] = 0;
        }

        Positions[0] = 0;
        Positions[1] = 0;
        End = end;
    }
}
