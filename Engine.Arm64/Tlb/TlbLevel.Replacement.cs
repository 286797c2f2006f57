// Which entry gives way.
//
// Fully associative, LRU and FIFO: the log of AssociativeEntries. FIFO logs fills only.
//
// Sets of up to 16 ways, LRU and FIFO: one word per set holds the ways as nibbles, most recent lowest; a use moves one nibble
// to the front. Unused ways stand at the end. Wider sets keep a 64-bit stamp per entry.
//
// PLRU: the tree's nodes as bytes. Random: SplitMix64.

using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Arm64.Tlb;

internal sealed unsafe partial class TlbLevel
{
    private const int NibbleWaysMax = 16;
    private const ulong EveryNibble = 0x1111_1111_1111_1111;

    // Fully associative: unused slots.
    private ulong* freeBitmap;
    private int freeCount;

    // Sets.
    private ulong* orders;
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

    private uint TakeFree()
    {
        int word = 0;
        while (freeBitmap[word] == 0)
        {
            word++;
        }

        ulong bits = freeBitmap[word];
        freeBitmap[word] = bits & (bits - 1);
        freeCount--;
        return (uint)((word * 64) + BitOperations.TrailingZeroCount(bits));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint TakeSetVictim(uint set, uint first) =>
        orders != null ? first + (uint)((orders[set] >> ((ways - 1) * 4)) & 15)
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

        ulong order = orders[set];
        ulong way = slot - (set * (uint)ways);
        int shift = PlaceOf(order, way);
        ulong below = (1UL << shift) - 1;
        orders[set] = (order & (~below << 4)) | ((order & below) << 4) | way;
    }

    // The bit position of a way's nibble.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int PlaceOf(ulong order, ulong way)
    {
        ulong difference = order ^ unchecked(way * EveryNibble);
        ulong zero = unchecked(difference - EveryNibble) & ~difference & (EveryNibble << 3);
        return BitOperations.TrailingZeroCount(zero) & ~3;
    }

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

        for (uint set = 0; orders != null && set < sets; set++)
        {
            // Way 0 stands at the end: it is filled first.
            ulong order = 0;
            for (int way = 0; way < ways; way++)
            {
                order |= (ulong)(uint)(ways - 1 - way) << (way * 4);
            }

            orders[set] = order;
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
        else if (IsOrdered && ways <= NibbleWaysMax)
        {
            orders = (ulong*)Carve(start, ref offset, sets * (long)sizeof(ulong));
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
