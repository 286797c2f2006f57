using System.Numerics;
using System.Runtime.CompilerServices;
using Engine.Core.Units;

namespace Engine.Core.Buddy;

/// <content>Allocation: the smallest sufficient block of a type, the lowest address.</content>
internal sealed unsafe partial class FreeArea
{
    // Each repair heals one flipped bit or tree, so a take makes progress; beyond this many the memory is not worth trusting.
    private const int RepairsMax = 64;

    /// <summary>The smallest order, at least <paramref name="order"/>, that the type has a block of in any part; or -1.</summary>
    public int FindOrder(int type, int order) => FindOrder(type, order, 0, partCount, out _);

    // The same in some parts; of several that have such a block, the first.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int FindOrder(int type, int order, int fromPart, int endPart, out int part)
    {
        int best = Order.Count;
        part = fromPart;
        for (int i = fromPart; i < endPart; i++)
        {
            uint orders = ((uint)parts[i].TypeOrders[type] | (1u << Order.Count)) >> order << order;
            int found = BitOperations.TrailingZeroCount(orders);
            if (found < best)
            {
                best = found;
                part = i;
            }
        }

        return best == Order.Count ? -1 : best;
    }

    /// <summary>
    /// Takes up to <paramref name="count"/> blocks of a type (<c>__rmqueue_smallest</c>, repeated): several bits of a word at a
    /// time, with the same result as one by one.
    /// </summary>
    /// <param name="type">The migrate type; no other type is touched.</param>
    /// <param name="order">The blocks' order.</param>
    /// <param name="taken">Gets the blocks' first frames, in the order taken; room for <paramref name="count"/>.</param>
    /// <param name="count">How many are wanted.</param>
    /// <returns>How many there were.</returns>
    public int Take(int type, int order, uint* taken, int count) => Take(type, order, taken, count, 0, partCount);

    /// <summary>As the other, but from one part alone.</summary>
    public int TakeFromPart(int part, int type, int order, uint* taken, int count) => Take(type, order, taken, count, part, part + 1);

    private int Take(int type, int order, uint* taken, int count, int fromPart, int endPart)
    {
        int done = 0;
        int repairs = 0;
        while (done < count)
        {
            int found = FindOrder(type, order, fromPart, endPart, out int part);
            if (found < 0)
            {
                break;
            }

            int got = order >= PageBlockShift ? TakeWhole(part, type, order, found, taken + done, count - done)
                : order > 5 ? TakeLarge(part, type, order, found, taken + done)
                : TakeSmall(part, type, order, found, taken + done, count - done);
            done += got;
            if (got == 0 && ++repairs > RepairsMax)
            {
                break;
            }
        }

        return done;
    }

    // Orders 0..5: blocks of one word.
    private int TakeSmall(int part, int type, int order, int found, uint* taken, int count)
    {
        int number = FirstOf(part, type, found);
        if (number < 0)
        {
            return 0;
        }

        ref PageBlock block = ref blocks[number];
        int word = found <= 5
            ? FindWord(block.Summary, found)
            : BitOperations.TrailingZeroCount(FreeWord.ExactLargeBlocks(FreeWord.FullWords(block.Summary), Math.Min(found, 9)));
        if (word > 7)
        {
            return Heal(number);
        }

        ulong value = GetWord(number, word);
        ulong starts = FreeWord.ExactBlocks(value, Math.Min(found, 6));
        if (starts == 0)
        {
            return Heal(number, word);
        }

        uint first = ((uint)number << PageBlockShift) + ((uint)word << 6);
        ulong rest = found == order
            ? HarvestExact(value, starts, order, first, taken, ref count)
            : HarvestSplit(value, starts, found, order, first, taken, ref count);
        if ((block.Orders & PageBlock.PairBit) != 0)
        {
            SplitPair(number);
        }

        SetWord(ref block, number, word, rest);
        Account(block, number, -((long)count << order));
        Refresh(ref block, number);
        return count;
    }

    // Blocks of exactly the wanted order, lowest first. On return count is what was taken.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong HarvestExact(ulong value, ulong starts, int order, uint first, uint* taken, ref int count)
    {
        int got = 0;
        ulong mask = FreeWord.BlockMask(order);
        while (starts != 0 && got < count)
        {
            int bit = BitOperations.TrailingZeroCount(starts);
            starts &= starts - 1;
            value &= ~(mask << bit);
            taken[got++] = first + (uint)bit;
        }

        count = got;
        return value;
    }

    // One larger block, of which as many pieces as wanted are taken from its low end. Its remainder is smaller than any other
    // block that would do, so one-by-one allocation would go on in it as well.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong HarvestSplit(ulong value, ulong starts, int found, int order, uint first, uint* taken, ref int count)
    {
        int bit = BitOperations.TrailingZeroCount(starts);
        int pieces = 1 << (Math.Min(found, 6) - order);
        int got = Math.Min(count, pieces);
        for (int i = 0; i < got; i++)
        {
            taken[i] = first + (uint)(bit + (i << order));
        }

        int frames = got << order;
        ulong mask = frames == 64 ? ulong.MaxValue : ((1UL << frames) - 1) << bit;
        count = got;
        return value & ~mask;
    }

    // Orders 6..8: whole words, which are marked in the summary alone.
    private int TakeLarge(int part, int type, int order, int found, uint* taken)
    {
        int number = FirstOf(part, type, found);
        if (number < 0)
        {
            return 0;
        }

        ref PageBlock block = ref blocks[number];
        uint starts = FreeWord.ExactLargeBlocks(FreeWord.FullWords(block.Summary), Math.Min(found, 9));
        if (starts == 0)
        {
            return Heal(number);
        }

        int word = BitOperations.TrailingZeroCount(starts);
        ulong bytes = (order == 8 ? 0xffffffffUL : (1UL << (8 << (order - 6))) - 1) << (word << 3);
        if ((block.Orders & PageBlock.PairBit) != 0)
        {
            SplitPair(number);
        }

        block.Summary &= ~bytes;
        Account(block, number, -(1L << order));
        Refresh(ref block, number);
        *taken = ((uint)number << PageBlockShift) + ((uint)word << 6);
        return 1;
    }

    // Orders 9 and 10: whole pageblocks; the map is not touched.
    private int TakeWhole(int part, int type, int order, int found, uint* taken, int count)
    {
        int number = FirstOf(part, type, found);
        if (number < 0)
        {
            return 0;
        }

        ref PageBlock block = ref blocks[number];
        if (block.Summary != FreeWord.WholePageBlock || (found == Order.MaxValue && (number & 1) != 0))
        {
            return Heal(number);
        }

        int got = 1;
        if (found == Order.MaxValue)
        {
            ref PageBlock second = ref blocks[number + 1];
            if (second.Summary != FreeWord.WholePageBlock || second.Orders != 0)
            {
                return Heal(number);
            }

            // The upper half goes back as a block of order 9, or is taken as well: of order 10, or as the next of several.
            bool isTaken = order == Order.MaxValue || count > 1;
            SetOrders(ref second, number + 1, isTaken ? 0 : 1u << PageBlockShift);
            if (isTaken)
            {
                second.Summary = 0;
                Account(second, number, -(1 << PageBlockShift));
            }

            got = isTaken && order != Order.MaxValue ? 2 : 1;
            taken[got - 1] = (uint)(number + got - 1) << PageBlockShift;
        }

        SetOrders(ref block, number, 0);
        block.Summary = 0;
        Account(block, number, -(1 << PageBlockShift));
        *taken = (uint)number << PageBlockShift;
        return got;
    }

    /// <summary>The lowest pageblock with a block of exactly this order and type, of which there is one; or -1 after a repair.</summary>
    public int FindFirst(int type, int order)
    {
        int part = 0;
        while (part < partCount - 1 && (parts[part].TypeOrders[type] >> order & 1) == 0)
        {
            part++;
        }

        return FirstOf(part, type, order);
    }

    // The same in one part.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int FirstOf(int part, int type, int order)
    {
        int bit = Tree(part, type, order).FindFirst();
        int number = FirstBlockOf(part) + bit;
        if (bit < 0 || number >= endBlock || blocks[number].Type != type || (blocks[number].Orders >> order & 1) == 0)
        {
            HealTree(part, type, order, bit);
            return -1;
        }

        return number;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int FindWord(ulong summary, int order) =>
        BitOperations.TrailingZeroCount(summary & (FreeWord.EachByte << order)) >> 3;
}
