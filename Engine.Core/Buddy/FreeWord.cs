// 64 frames in one word: a set bit is a free frame. A block of order k is free when its aligned 2^k bits are set, so
// merging is implicit: nothing links a block to its buddy. A block is counted at the largest order at which it is whole.
//
// x0 = w; level k keeps the start bits of the aligned runs of 2^k: x(k) = x(k-1) & x(k-1) >> 2^(k-1) & M(k).
// The blocks of exactly order k start at x(k) without the two halves of each x(k+1).

using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Core.Buddy;

/// <summary>Pure functions on a word of the free map and on the summary of a pageblock's eight words.</summary>
internal static class FreeWord
{
    /// <summary>log2 of the frames in a word.</summary>
    public const int Shift = 6;

    /// <summary>The largest order whose blocks are a part of a word.</summary>
    public const int BlockOrderMax = Shift - 1;

    /// <summary>Words in a pageblock's map.</summary>
    public const int PerPageBlock = 8;

    /// <summary>The summary bit of a word that is wholly free.</summary>
    public const int FullBit = 1 << 6;

    /// <summary>The summary of a pageblock that is wholly free.</summary>
    public const ulong WholePageBlock = 0x4040404040404040;

    /// <summary>Bit 0 of each of a summary's eight bytes.</summary>
    public const ulong EachByte = 0x0101010101010101;

    private const ulong M1 = 0x5555555555555555;
    private const ulong M2 = 0x1111111111111111;
    private const ulong M3 = 0x0101010101010101;
    private const ulong M4 = 0x0001000100010001;
    private const ulong M5 = 0x0000000100000001;

    // Which orders 6..9 (as bits 0..3) the wholly free words of a pageblock form, by the set of those words.
    private static readonly byte[] LargeOrdersOf = MakeLargeOrders();

    /// <summary>The bits of one block: 2^<paramref name="order"/> ones, <paramref name="order"/> 0..6.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong BlockMask(int order) => ulong.MaxValue >> (64 - (1 << order));

    /// <summary>Which orders have a block of exactly that size in the word: bit k for order k, 0..6.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint OrdersOf(ulong word)
    {
        if (word == ulong.MaxValue)
        {
            return FullBit;
        }

        // Without a branch on what the levels hold: that is as good as random.
        ulong x1 = word & (word >> 1) & M1;
        ulong x2 = x1 & (x1 >> 2) & M2;
        ulong x3 = x2 & (x2 >> 4) & M3;
        ulong x4 = x3 & (x3 >> 8) & M4;
        ulong x5 = x4 & (x4 >> 16) & M5;
        uint orders = (word ^ (x1 | (x1 << 1))) != 0 ? 1u : 0;
        orders |= (x1 ^ (x2 | (x2 << 2))) != 0 ? 2u : 0;
        orders |= (x2 ^ (x3 | (x3 << 4))) != 0 ? 4u : 0;
        orders |= (x3 ^ (x4 | (x4 << 8))) != 0 ? 8u : 0;
        orders |= (x4 ^ (x5 | (x5 << 16))) != 0 ? 16u : 0;
        orders |= x5 != 0 ? 32u : 0;
        return orders;
    }

    /// <summary>The first frames of the blocks of exactly order <paramref name="order"/>, 0..6.</summary>
    public static ulong ExactBlocks(ulong word, int order)
    {
        // Straight lines instead of a loop over a table of masks: the order is nearly always the same one.
        ulong x0 = word;
        ulong x1 = x0 & (x0 >> 1) & M1;
        if (order == 0)
        {
            return x0 ^ (x1 | (x1 << 1));
        }

        ulong x2 = x1 & (x1 >> 2) & M2;
        if (order == 1)
        {
            return x1 ^ (x2 | (x2 << 2));
        }

        ulong x3 = x2 & (x2 >> 4) & M3;
        if (order == 2)
        {
            return x2 ^ (x3 | (x3 << 4));
        }

        ulong x4 = x3 & (x3 >> 8) & M4;
        if (order == 3)
        {
            return x3 ^ (x4 | (x4 << 8));
        }

        ulong x5 = x4 & (x4 >> 16) & M5;
        ulong x6 = x5 & (x5 >> 32);
        return order == 4 ? x4 ^ (x5 | (x5 << 16)) : order == 5 ? x5 ^ (x6 | (x6 << 32)) : x6 & 1;
    }

    /// <summary>The set of wholly free words, one bit a word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint FullWords(ulong summary) =>
        (uint)(unchecked(((summary >> 6) & EachByte) * 0x0102040810204080UL) >> 56);

    /// <summary>Which orders 0..9 the pageblock has blocks of exactly that size of: bit k for order k.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint OrdersOfPageBlock(ulong summary)
    {
        ulong folded = summary | (summary >> 32);
        folded |= folded >> 16;
        folded |= folded >> 8;
        uint small = (uint)(folded & 0x3f);
        return (folded & FullBit) == 0 ? small : small | ((uint)LargeOrdersOf[FullWords(summary)] << 6);
    }

    /// <summary>The first words of the blocks of exactly order <paramref name="order"/>, 6..9, one bit a word.</summary>
    public static uint ExactLargeBlocks(uint fullWords, int order)
    {
        // The same algebra one level up: eight words instead of 64 frames.
        return (uint)ExactBlocks(fullWords, order - 6) & 0xff;
    }

    private static byte[] MakeLargeOrders()
    {
        byte[] table = new byte[256];
        for (uint words = 0; words < 256; words++)
        {
            for (int order = 6; order <= 9; order++)
            {
                table[words] |= (byte)(ExactLargeBlocks(words, order) != 0 ? 1 << (order - 6) : 0);
            }
        }

        return table;
    }

    /// <summary>How many free frames a word's blocks of exactly each order hold, for counts that walk all memory.</summary>
    public static int CountExact(ulong word, int order) => BitOperations.PopCount(ExactBlocks(word, order));
}
