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
// The hints tell the hot loop in which slot to look first: hints[side][page number mod 1024]. They may be wrong; the entry decides.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Arm64.Tlb;

/// <summary>Entries of one or two fully associative levels with their common log of uses.</summary>
internal sealed unsafe class AssociativeEntries
{
    /// <summary>log2 of the hints of a side.</summary>
    public const int HintBits = 10;

    /// <summary>The most uses between two calls of <see cref="MakeRoom"/>.</summary>
    public const int BlockLength = 1024;

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
    private readonly int* starts;

    /// <summary>Lays out the entries of the levels.</summary>
    /// <param name="entryCounts">Entries of each level; one or two.</param>
    public AssociativeEntries(params ReadOnlySpan<int> entryCounts)
    {
        foreach (int count in entryCounts)
        {
            // One more that is never used.
            slotCount += (count + SlotAlignment) & -SlotAlignment;
        }

        logLength = Math.Clamp(slotCount * 4, LogLengthMin, LogLengthMax) & -64;
        long entryBytes = (long)slotCount * sizeof(TlbEntry);
        long stampBytes = (long)slotCount * sizeof(ushort);
        long logBytes = (long)logLength * sizeof(ushort);
        long hintBytes = 2L * (1 << HintBits) * sizeof(ushort);
        storage = GC.AllocateArray<byte>(checked((int)(entryBytes + stampBytes + logBytes + hintBytes + (logLength / 8) + (2 * CacheLineBytes))), pinned: true);
        byte* place = (byte*)(((nuint)Unsafe.AsPointer(ref storage[0]) + CacheLineBytes - 1) & ~(nuint)(CacheLineBytes - 1));
        Entries = (TlbEntry*)place;
        Stamps = (ushort*)(place + entryBytes);
        Log = (ushort*)((byte*)Stamps + stampBytes);
        Hints = (ushort*)((byte*)Log + logBytes);
        bitmap = (ulong*)((byte*)Hints + hintBytes);
        starts = (int*)(bitmap + (logLength / 64));
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

    /// <summary>For each side and each page number mod 1024 the slot to look at first.</summary>
    public ushort* Hints { get; }

    /// <summary>The first free position of the log.</summary>
    public int End { get; set; }

    /// <summary>The first slot of a level.</summary>
    public static int FirstSlotOf(int part, int entriesOfFirstPart) => part == 0 ? 0 : (entriesOfFirstPart + SlotAlignment) & -SlotAlignment;

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

    /// <summary>The least recently logged slot of a level whose slots are all logged.</summary>
    /// <param name="part">Which level.</param>
    /// <param name="first">Its first slot.</param>
    /// <param name="count">Its slots.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint TakeOldest(int part, uint first, uint count)
    {
        int position = starts[part];
        uint slot = Log[position];
        if (unchecked(slot - first) < count && Stamps[slot] == position)
        {
            starts[part] = position + 1;
            return slot;
        }

        return SearchOldest(part, first, count);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private uint SearchOldest(int part, uint first, uint count)
    {
        int position = starts[part];
        int limit = position + StepsMax;
        while (++position < limit)
        {
            uint slot = Log[position];
            if (unchecked(slot - first) < count && Stamps[slot] == position)
            {
                starts[part] = position + 1;
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

        starts[part] = stamp + 1;
        return Log[stamp];
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Compact()
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
                ushort slot = Log[(word * 64) + System.Numerics.BitOperations.TrailingZeroCount(live)];
                Log[end] = slot;
                Stamps[slot] = (ushort)end;
                end++;
            }

            bitmap[word] = 0;
        }

        starts[0] = 0;
        starts[1] = 0;
        End = end;
    }
}
