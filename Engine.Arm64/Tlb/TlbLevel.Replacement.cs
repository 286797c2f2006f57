// Which entry gives way.
//
// Fully associative, LRU and FIFO: the log of AssociativeEntries. FIFO logs fills only.
//
// Sets of up to 8 ways, LRU and FIFO: a word per set is a matrix of 8 rows of 8 bits. Bit j of row w says that way w was used after
// way j; so a use sets its row and clears its column, and the oldest way is the one whose row is 0. An unused way is made the
// oldest. Rows that have no way stay above 0. Wider sets keep a 64-bit stamp per entry.
//
// PLRU: the tree's nodes as bytes. Random: SplitMix64.

using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Arm64.Tlb;

internal sealed unsafe partial class TlbLevel
{
    private const int MatrixWaysMax = 8;
    private const ulong FirstColumn = 0x0101_0101_0101_0101;

    // Fully associative: unused slots.
    private ulong* freeBitmap;
    private int freeCount;

    // Sets: the matrices, and a row with a bit for each way.
    private ulong* orders;
    private ulong fullRow;
    private WayUse* wayUses;
    private ulong* wideStamps;
    private ulong wideClock;

    // PLRU: nodes 1.. of the tree of each set; 1 points to the upper half.
    private byte* nodes;
    private int treeWays;

    private ulong randomState;

    private bool IsOrdered
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => policy is ReplacementPolicy.Lru or ReplacementPolicy.Fifo;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void NoteUse(uint slot)
    {
        if (policy == ReplacementPolicy.Lru)
        {
            if (isFull)
            {
                Group!.Append((uint)FirstSlot + slot);
            }
            else
            {
                MoveToFront(slot, SetOfSlot(slot));
            }
        }
        else if (policy == ReplacementPolicy.Plru)
        {
            PointAway(slot);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint TakeFullVictim() =>
        freeCount != 0 ? TakeFree()
        : IsOrdered ? Group!.TakeOldest(groupPart, (uint)FirstSlot, (uint)entryCount) - (uint)FirstSlot
        : TakeUnordered(0);

    /// <summary>The first unused slot of a fully associative level that has one.</summary>
    public uint FirstFree
    {
        get
        {
            int word = 0;
            while (freeBitmap[word] == 0)
            {
                word++;
            }

            return (uint)((word * 64) + BitOperations.TrailingZeroCount(freeBitmap[word]));
        }
    }

    /// <summary>Takes <see cref="FirstFree"/>.</summary>
    public uint TakeFree()
    {
        uint slot = FirstFree;
        freeBitmap[slot / 64] &= freeBitmap[slot / 64] - 1;
        freeCount--;
        return slot;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint TakeSetVictim(uint set, uint first) =>
        orders != null ? first + OldestOf(orders[set])
            : wideStamps != null ? TakeOldest(first)
            : TakeUnusedOrUnordered(set, first);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void MoveToFront(uint slot, uint set)
    {
        if (orders == null)
        {
            wideStamps[slot] = ++wideClock;
            return;
        }

        orders[set] = wayUses[slot - (set * (uint)ways)].ApplyTo(orders[set]);
    }

    private static ulong WithOldest(ulong order, uint way) => (order | (FirstColumn << (int)way)) & ~(0xFFUL << (int)(way * 8));

    /// <summary>The oldest way of a set: its row is 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint OldestOf(ulong order) =>
        (uint)BitOperations.TrailingZeroCount(unchecked(order - FirstColumn) & ~order & (FirstColumn << 7)) >> 3;

    private uint TakeOldest(uint first)
    {
        uint oldest = first;
        for (uint slot = first + 1; slot < first + (uint)ways; slot++)
        {
            if (wideStamps[slot] < wideStamps[oldest])
            {
                oldest = slot;
            }
        }

        return oldest;
    }

    private uint TakeUnusedOrUnordered(uint set, uint first)
    {
        for (uint slot = first; slot < first + (uint)ways; slot++)
        {
            if (!entries[slot].IsUsed)
            {
                return slot;
            }
        }

        return TakeUnordered(set);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private uint TakeUnordered(uint set) =>
        (set * (uint)ways) + (policy == ReplacementPolicy.Random ? NextRandom((uint)ways) : FollowTree(set));

    private uint NextRandom(uint limit)
    {
        randomState = unchecked(randomState + 0x9E37_79B9_7F4A_7C15);
        ulong z = randomState;
        z = unchecked((z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9);
        z = unchecked((z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        return (uint)(((z >> 32) * limit) >> 32);
    }

    private uint FollowTree(uint set)
    {
        byte* tree = nodes + ((nuint)set * (uint)treeWays);
        uint way = 0;
        uint node = 1;
        for (uint half = (uint)treeWays / 2; half != 0; half /= 2)
        {
            uint upper = tree[node] != 0 && way + half < (uint)ways ? 1u : 0u;
            way += upper * half;
            node = (node * 2) + upper;
        }

        return way;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void PointAway(uint slot)
    {
        uint set = SetOfSlot(slot);
        uint way = slot - (set * (uint)ways);
        byte* tree = nodes + ((nuint)set * (uint)treeWays);
        uint node = 1;
        for (uint half = (uint)treeWays / 2; half != 0; half /= 2)
        {
            uint upper = (way & half) != 0 ? 1u : 0u;
            tree[node] = (byte)(1 - upper);
            node = (node * 2) + upper;
        }
    }

    private void ClearReplacement()
    {
        wideClock = 0;
        if (nodes != null)
        {
            new Span<byte>(nodes, checked((int)sets * treeWays)).Clear();
        }

        if (wideStamps != null)
        {
            new Span<ulong>(wideStamps, entryCount).Clear();
        }

        // Way 0 is the oldest: it is filled first.
        ulong initial = 0;
        for (int way = 0; way < MatrixWaysMax; way++)
        {
            initial |= (way < ways ? (1UL << way) - 1 : 0xFF) << (way * 8);
        }

        for (uint set = 0; orders != null && set < sets; set++)
        {
            orders[set] = initial;
        }

        for (int way = 0; orders != null && way < MatrixWaysMax; way++)
        {
            wayUses[way] = new WayUse { Row = fullRow << (way * 8), OtherColumns = ~(FirstColumn << way) };
        }

        if (isFull)
        {
            ClearSlots();
        }
    }

    private void ClearSlots()
    {
        freeCount = entryCount;
        for (uint slot = 0; slot < (uint)entryCount; slot++)
        {
            Group!.Forget((uint)FirstSlot + slot);
            freeBitmap[slot / 64] |= 1UL << (int)(slot % 64);
        }
    }

    private void LayOutReplacement(byte* start, ref long offset)
    {
        if (isFull)
        {
            freeBitmap = (ulong*)Carve(start, ref offset, (entryCount / 64 * sizeof(ulong)) + sizeof(ulong));
        }
        else if (IsOrdered && ways <= MatrixWaysMax)
        {
            fullRow = (1UL << ways) - 1;
            orders = (ulong*)Carve(start, ref offset, sets * (long)sizeof(ulong));
            wayUses = (WayUse*)Carve(start, ref offset, MatrixWaysMax * sizeof(WayUse));
        }
        else if (IsOrdered)
        {
            wideStamps = (ulong*)Carve(start, ref offset, (long)entryCount * sizeof(ulong));
        }

        if (policy == ReplacementPolicy.Plru)
        {
            treeWays = (int)RoundUpToPowerOf2(ways);
            nodes = (byte*)Carve(start, ref offset, sets * (long)treeWays);
        }
    }
}
