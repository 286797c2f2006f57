using System.Runtime.CompilerServices;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>Freeing: bits are set, merging follows.</content>
internal sealed unsafe partial class FreeArea
{
    /// <summary>Frees a block (<c>__free_one_page</c>). Its frames lie in the zone and its address is aligned to its size.</summary>
    /// <returns>False, with nothing changed, where a frame of it is free already, or outside the zone; that has been reported.</returns>
    public bool Put(uint pfn, int order)
    {
        int number = (int)(pfn >> PageBlockShift);
        if (IsOutside(number))
        {
            return ReportOutside(pfn);
        }

        if (order >= PageBlockShift)
        {
            return PutWhole(number, order);
        }

        ref PageBlock block = ref blocks[number];
        int word = (int)(pfn >> 6) & 7;
        if (order > 5)
        {
            ulong bytes = (order == 8 ? 0xffffffffUL : (1UL << (8 << (order - 6))) - 1) << (word << 3);
            if ((block.Summary & bytes) != 0)
            {
                return ReportAlreadyFree(pfn);
            }

            block.Summary |= FreeWord.WholePageBlock & bytes;
        }
        else
        {
            ulong mask = FreeWord.BlockMask(order) << (int)(pfn & 63);
            ulong old = GetWord(number, word);
            if ((old & mask) != 0)
            {
                return ReportAlreadyFree(pfn);
            }

            SetWord(ref block, number, word, old | mask);
        }

        Account(block, 1L << order);
        Refresh(ref block, number);
        return true;
    }

    /// <summary>Frees several frames of one word at once.</summary>
    /// <param name="pfn">Any frame of the word.</param>
    /// <param name="mask">The frames, by their place in the word.</param>
    /// <returns>The frames that were free already, or outside the zone, which has been reported; they are left as they were.</returns>
    public ulong PutFrames(uint pfn, ulong mask)
    {
        int number = (int)(pfn >> PageBlockShift);
        if (IsOutside(number))
        {
            ReportOutside(pfn);
            return mask;
        }

        ref PageBlock block = ref blocks[number];
        int word = (int)(pfn >> 6) & 7;
        ulong old = GetWord(number, word);
        ulong twice = old & mask;
        if (twice != 0)
        {
            ReportAlreadyFree(pfn);
            mask &= ~old;
        }

        SetWord(ref block, number, word, old | mask);
        Account(block, System.Numerics.BitOperations.PopCount(mask));
        Refresh(ref block, number);
        return twice;
    }

    private bool PutWhole(int number, int order)
    {
        int count = 1 << (order - PageBlockShift);
        for (int i = 0; i < count; i++)
        {
            if (blocks[number + i].Summary != 0)
            {
                return ReportAlreadyFree((uint)(number + i) << PageBlockShift);
            }
        }

        if (count == 2 && blocks[number].Type == blocks[number + 1].Type)
        {
            PutPair(number);
            return true;
        }

        // The first pageblock last: its type is the block's.
        for (int i = count - 1; i >= 0; i--)
        {
            ref PageBlock block = ref blocks[number + i];
            block.Summary = FreeWord.WholePageBlock;
            Account(block, 1 << PageBlockShift);
            SetWhole(ref block, number + i);
        }

        return true;
    }

    // Two pageblocks of one type that had nothing free: what freeing one after the other leads to, without the steps between.
    private void PutPair(int number)
    {
        ref PageBlock first = ref blocks[number];
        ref PageBlock second = ref blocks[number + 1];
        first.Summary = FreeWord.WholePageBlock;
        second.Summary = FreeWord.WholePageBlock;
        Account(first, 2 << PageBlockShift);
        SetOrders(ref second, number + 1, 0);
        SetOrders(ref first, number, PageBlock.PairBit);
    }

    /// <summary>
    /// Books a pageblock that is now wholly free: as a block of order 9, or of order 10 with its neighbour. The types must then be equal
    /// or both mergeable; the neighbour takes over the type of the one that was freed last, as <c>__free_one_page</c> does since 6.10.
    /// </summary>
    private void SetWhole(ref PageBlock block, int number)
    {
        int buddyNumber = number ^ 1;
        if (buddyNumber < firstBlock || buddyNumber >= endBlock || !IsMergeable(block, blocks[buddyNumber]))
        {
            SetOrders(ref block, number, 1u << PageBlockShift);
            return;
        }

        ref PageBlock buddy = ref blocks[buddyNumber];
        bool isFirst = (number & 1) == 0;
        if (buddy.Type != block.Type)
        {
            SetOrders(ref buddy, buddyNumber, 0);
            buddy.Type = block.Type;
        }

        SetOrders(ref buddy, buddyNumber, isFirst ? 0u : PageBlock.PairBit);
        SetOrders(ref block, number, isFirst ? PageBlock.PairBit : 0u);
    }

    private bool IsMergeable(in PageBlock block, in PageBlock buddy) =>
        buddy.Orders == 1 << PageBlockShift && buddy.Summary == FreeWord.WholePageBlock && buddy.ZonePlusOne == zonePlusOne
            && (buddy.Type == block.Type
                || (MigrateTypes.IsMergeable((MigrateType)buddy.Type) && MigrateTypes.IsMergeable((MigrateType)block.Type)));

    /// <summary>Takes a pair apart, so that each pageblock stands for itself.</summary>
    private void SplitPair(int number)
    {
        int even = number & ~1;
        if (even + 1 >= endBlock || blocks[even].Summary != FreeWord.WholePageBlock || blocks[even + 1].Summary != FreeWord.WholePageBlock)
        {
            // The bit that says so has flipped: there is no pair.
            for (int one = even; one <= even + 1 && one < endBlock; one++)
            {
                _ = (blocks[one].Orders & PageBlock.PairBit) != 0 ? Heal(one) : 0;
            }

            return;
        }

        SetOrders(ref blocks[even], even, 1u << PageBlockShift);
        SetOrders(ref blocks[even + 1], even + 1, 1u << PageBlockShift);
    }

    /// <summary>Whether a pageblock is part of a free pair.</summary>
    private bool IsInPair(int number) => (blocks[number & ~1].Orders & PageBlock.PairBit) != 0 && (number | 1) < endBlock;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Account(in PageBlock block, long pages)
    {
        if (block.Type < (byte)MigrateType.Cma)
        {
            state->FreePages = unchecked(state->FreePages + pages);
        }
        else
        {
            AccountSpecial(block.Type, pages);
        }
    }

    // account_freepages(): what is isolated does not count as free; what is CMA's counts twice.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AccountSpecial(byte type, long pages)
    {
        if (type == (byte)MigrateType.Cma)
        {
            state->FreePages = unchecked(state->FreePages + pages);
            state->FreeCmaPages = unchecked(state->FreeCmaPages + pages);
        }
    }

    // Which zone a frame belongs to was read from the arena. The bitmaps have room for the zone's own pageblocks only.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsOutside(int number) => unchecked((uint)(number - firstBlock)) >= (uint)(endBlock - firstBlock);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool ReportOutside(uint pfn)
    {
        Report("a frame of another zone is freed", pfn, zonePlusOne, blocks[pfn >> PageBlockShift].ZonePlusOne);
        return false;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool ReportAlreadyFree(uint pfn)
    {
        Report("nonzero mapcount", pfn, 0, 1);
        return false;
    }
}
