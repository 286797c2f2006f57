// The free memory of one zone, as bitmaps.
//
// Per pageblock of 512 frames: a map of 512 bits, a summary of its eight words and a mask of the orders it has blocks of
// (PageBlock). Per migrate type and order: a 64-ary bitmap of the pageblocks that have such a block (BlockTree). Per type:
// a mask of the orders for which that bitmap is not empty (ZoneState.TypeOrders).
//
// Take: the type's mask gives the smallest sufficient order, the tree the lowest pageblock, the summary the word, the word
// the block: a few TrailingZeroCounts. What remains of a split block needs no work, because blocks exist implicitly.
// Put: set the bits; the word's summary byte, the order mask and the trees follow. Merging is implicit as well, up to the
// pageblock; a wholly free pageblock joins its neighbour to a block of order 10 when Linux's rule allows it.
//
// Linux keeps lists and takes their head; here the lowest address of the smallest sufficient order wins. A free block's type
// is always its pageblock's type, as in Linux since 6.10.
//
// Everything here runs under the zone's lock.

using System.Numerics;
using System.Runtime.CompilerServices;
using Engine.Core.Diagnostics;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <summary>The free blocks of one zone.</summary>
internal sealed unsafe partial class FreeArea
{
    private const int PageBlockShift = Order.PageBlockValue;
    private const uint PageBlockMask = (1u << PageBlockShift) - 1;

    private readonly PageBlock* blocks;
    private readonly ulong* maps;
    private readonly ulong* trees;
    private readonly BlockTreeShape shape;
    private readonly ZoneState* state;
    private readonly CorruptionLog log;
    private readonly int firstBlock;
    private readonly int endBlock;
    private readonly byte zonePlusOne;
    private readonly ZoneSpan span;

    /// <summary>A zone's view of the shared pageblock tables.</summary>
    /// <param name="tables">The tables in the arena.</param>
    /// <param name="trees">The zone's bitmaps: <see cref="TreeWords"/> words.</param>
    /// <param name="state">The zone's state.</param>
    /// <param name="span">What the zone covers.</param>
    /// <param name="zoneIndex">The zone's index.</param>
    /// <param name="log">Where inconsistencies are reported.</param>
    public FreeArea(PageBlockTable tables, ulong* trees, ZoneState* state, in ZoneSpan span, int zoneIndex, CorruptionLog log)
    {
        blocks = tables.Blocks;
        maps = tables.Maps;
        this.trees = trees;
        this.state = state;
        this.log = log;
        this.span = span;
        firstBlock = FirstBlockOf(span);
        endBlock = (int)((span.End.Value + PageBlockMask) >> PageBlockShift);
        shape = new BlockTreeShape(endBlock - firstBlock);
        zonePlusOne = (byte)(zoneIndex + 1);
    }

    /// <summary>The zone's first pageblock, absolute, rounded down to a pair.</summary>
    public int FirstBlock => firstBlock;

    /// <summary>The first pageblock after the zone.</summary>
    public int EndBlock => endBlock;

    /// <summary>How many words of the arena a zone's bitmaps take.</summary>
    public static int TreeWords(in ZoneSpan span)
    {
        int end = (int)((span.End.Value + PageBlockMask) >> PageBlockShift);
        return MigrateTypes.Count * Order.Count * new BlockTreeShape(end - FirstBlockOf(span)).WordCount;
    }

    /// <summary>The pageblock's entry.</summary>
    public ref PageBlock this[int block]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            if (block < firstBlock || block >= endBlock)
            {
                ThrowOutside(block);
            }

            // SAFETY: the zone's pageblocks lie within the table, whose pointer is biased to absolute numbers.
            return ref blocks[block];
        }
    }

    /// <summary>Whether a frame is free here.</summary>
    public bool IsFree(uint pfn) => (GetWord((int)(pfn >> PageBlockShift), (int)(pfn >> 6) & 7) >> (int)(pfn & 63) & 1) != 0;

    /// <summary>The bits of one word of 64 frames; a set bit is a free frame.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong GetWord(int block, int word)
    {
        uint summary = (uint)((blocks[block].Summary >> (word << 3)) & 0xff);

        // SAFETY: callers pass a pageblock of the zone and a word 0..7. Whether anything is free is as good as random: a mask, no branch.
        return (summary & FreeWord.FullBit) != 0 ? ulong.MaxValue : maps[((long)block << 3) + word] & unchecked((ulong)-(summary != 0 ? 1L : 0L));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private BlockTree Tree(int type, int order) => new(trees + (((type * Order.Count) + order) * shape.WordCount), shape);

    /// <summary>Writes a word and what is derived from it, up to the pageblock's summary. <see cref="Refresh"/> must follow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void SetWord(ref PageBlock block, int number, int word, ulong value)
    {
        uint orders = FreeWord.OrdersOf(value);
        maps[((long)number << 3) + word] = value;
        int shift = word << 3;
        block.Summary = (block.Summary & ~(0xffUL << shift)) | ((ulong)orders << shift);
    }

    /// <summary>Makes the pageblock's order mask and the trees agree with its summary; a wholly free one looks for its neighbour.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Refresh(ref PageBlock block, int number)
    {
        uint orders = FreeWord.OrdersOfPageBlock(block.Summary);
        if (orders != block.Orders)
        {
            if (block.Summary == FreeWord.WholePageBlock)
            {
                SetWhole(ref block, number);
            }
            else
            {
                SetOrders(ref block, number, orders);
            }
        }
    }

    // Sets or clears the trees' bits where the mask changes, and the type's mask where a tree becomes empty or stops being so.
    // Whether a bit is set or cleared is as good as random: it is computed, not branched on.
    private void SetOrders(ref PageBlock block, int number, uint orders)
    {
        uint changed = (block.Orders ^ orders) & ((1u << Order.Count) - 1); // a flipped bit of the mask may name no order
        block.Orders = (ushort)orders;
        if (changed == 0)
        {
            return;
        }

        int type = TypeOf(block);
        int bit = number - firstBlock;
        uint mask = state->TypeOrders[type];
        do
        {
            int order = BitOperations.TrailingZeroCount(changed);
            changed &= changed - 1;
            uint isSet = orders >> order & 1;
            if (Tree(type, order).Assign(bit, isSet))
            {
                mask = (mask & ~(1u << order)) | (isSet << order);
            }
        }
        while (changed != 0);
        SetTypeOrders(type, mask);
    }

    private void SetTypeOrders(int type, uint mask)
    {
        if (state->TypeOrders[type] != mask)
        {
            state->TypeOrders[type] = (ushort)mask;
            state->PcpTypeOrders = (uint)(state->TypeOrders[0] | state->TypeOrders[1] | state->TypeOrders[2]);
        }
    }

    // A type beyond the last one can only come from a flipped bit; it is treated as Isolate, from which nothing is allocated.
    private static int TypeOf(in PageBlock block) => Math.Min((int)block.Type, MigrateTypes.Count - 1);

    private static int FirstBlockOf(in ZoneSpan span) => (int)(span.Start.Value >> PageBlockShift) & ~1;

    private void Report(string reason, uint pfn, ulong expected, ulong found) =>
        log.Report(new Corruption(CorruptionCategory.FreeArea, reason, new Pfn(pfn).Address, expected, found));

    private static void ThrowOutside(int block) =>
        throw new ArgumentOutOfRangeException(nameof(block), block, "the pageblock lies outside the zone");
}
