using System.Numerics;

namespace Engine.Core.Buddy;

/// <content>Ranges: what isolation, range allocation and compaction take.</content>
internal sealed unsafe partial class FreeArea
{
    /// <summary>Whether every frame of a range within the zone is free.</summary>
    public bool IsRangeFree(uint from, uint end)
    {
        for (uint pfn = from; pfn < end;)
        {
            uint next = Math.Min(end, (pfn | 63) + 1);
            ulong mask = MaskOf(pfn, next);
            if ((GetWord((int)(pfn >> PageBlockShift), (int)(pfn >> 6) & 7) & mask) != mask)
            {
                return false;
            }

            pfn = next;
        }

        return true;
    }

    /// <summary>Takes every frame of a range, all of which are free.</summary>
    public void ClaimRange(uint from, uint end)
    {
        for (uint pfn = from; pfn < end;)
        {
            int number = (int)(pfn >> PageBlockShift);
            ref PageBlock block = ref this[number];
            if (IsInPair(number))
            {
                SplitPair(number);
            }

            uint blockEnd = Math.Min(end, (uint)(number + 1) << PageBlockShift);
            long taken = 0;
            while (pfn < blockEnd)
            {
                uint next = Math.Min(blockEnd, (pfn | 63) + 1);
                ulong mask = MaskOf(pfn, next);
                int word = (int)(pfn >> 6) & 7;
                ulong old = GetWord(number, word);
                taken += BitOperations.PopCount(old & mask);
                SetWord(ref block, number, word, old & ~mask);
                pfn = next;
            }

            Account(block, number, -taken);
            Refresh(ref block, number);
        }
    }

    /// <summary>The order of the free block whose first frame this is, or -1 where none begins here.</summary>
    public int BlockAt(uint pfn)
    {
        if (!IsFree(pfn))
        {
            return -1;
        }

        int number = (int)(pfn >> PageBlockShift);
        uint orders = blocks[number].Orders;
        if (blocks[number].Summary == FreeWord.WholePageBlock)
        {
            bool isFirst = (pfn & PageBlockMask) == 0;
            return !isFirst ? -1 : (orders & PageBlock.PairBit) != 0 ? PageBlockShift + 1 : (orders >> PageBlockShift & 1) != 0 ? PageBlockShift : -1;
        }

        ulong value = GetWord(number, (int)(pfn >> 6) & 7);
        for (int order = 0; order <= 5 && value != ulong.MaxValue; order++)
        {
            if ((FreeWord.ExactBlocks(value, order) >> (int)(pfn & 63) & 1) != 0)
            {
                return order;
            }
        }

        for (int order = 6; order < PageBlockShift && value == ulong.MaxValue && (pfn & 63) == 0; order++)
        {
            if ((FreeWord.ExactLargeBlocks(FreeWord.FullWords(blocks[number].Summary), order) >> ((int)(pfn >> 6) & 7) & 1) != 0)
            {
                return order;
            }
        }

        return -1;
    }

    private static ulong MaskOf(uint from, uint end) => (ulong.MaxValue >> (int)(64 - (end - from))) << (int)(from & 63);
}
