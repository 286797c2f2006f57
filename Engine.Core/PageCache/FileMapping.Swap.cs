// Shared memory in swap space (mm/shmem.c): where a page was, the index holds its slot, a value entry. The slot has one
// reference, the index's. A page that comes back is dirty, because its slot is given up at once.
//
// A large folio goes to slots in a row and has one entry, with its first slot; it comes back whole where that can be, and is split otherwise.

using Engine.Core.Frames;
using Engine.Core.Swap;
using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <content>Reclaim of a file's pages; swap of shared memory.</content>
public sealed partial class FileMapping
{
    // In a value entry, above any slot's number: the order of the folio.
    private const int FolioOrderShift = 54;
    private const int FolioOrderMask = 15;

    /// <summary>Pages of shared memory that are in swap space (<c>info->swapped</c>).</summary>
    public ulong SwappedPages => Record.SwappedPages;

    /// <summary>How many pages of a range are in swap space, folios that lie there in part counted whole (<c>shmem_partial_swap_usage</c>).</summary>
    /// <param name="firstPage">First page.</param>
    /// <param name="pageCount">Pages.</param>
    public ulong CountSwapped(ulong firstPage, ulong pageCount)
    {
        ulong count = 0;
        for (ulong at = firstPage; pageCount > 0 && TryNextValue(ref at, firstPage + pageCount - 1, out _, out int order);)
        {
            count += 1UL << order;
            at = RoundDown(at, order) + (1UL << order);
        }

        return count;
    }

    /// <summary>Whether a page of shared memory is in swap space.</summary>
    public bool IsSwapped(ulong pageIndex) => Record.SwappedPages != 0 && RadixEntry.IsValue(index.Load(pageIndex));

    /// <summary>Finds a page of shared memory that is in swap space, or a large folio.</summary>
    /// <param name="pageIndex">Where to begin; then the last page of what was found.</param>
    /// <param name="lastPage">Where to end.</param>
    /// <param name="entry">Its slot, a folio's first.</param>
    public bool TryNextSwapped(ref ulong pageIndex, ulong lastPage, out SwapEntry entry)
    {
        bool isFound = TryNextValue(ref pageIndex, lastPage, out entry, out int order);
        pageIndex |= isFound ? (1UL << order) - 1 : 0;
        return isFound;
    }

    /// <summary>Calls back for each slot that the index holds, for whoever checks the swap space.</summary>
    internal void ForEachSwapped(Action<SwapEntry> action)
    {
        for (ulong at = 0; TryNextValue(ref at, PageIndexMax, out SwapEntry entry, out int order);)
        {
            for (uint i = 0; i < 1u << order; i++)
            {
                action(SlotAfter(entry, i));
            }

            at = RoundDown(at, order) + (1UL << order);
        }
    }

    /// <summary>Takes a clean folio that nobody uses out of the cache (<c>__remove_mapping</c>).</summary>
    internal bool TryEvict(CpuId cpu, Pfn head)
    {
        ref Frame frame = ref frames[head];
        if ((frame.Flags & (PageFlag.Dirty | PageFlag.Writeback)) != 0 || frame.RefCount != 1 << cache.OrderOf(head))
        {
            return false;
        }

        RemoveFolio(cpu, head);
        return true;
    }

    /// <summary>Writes a folio of shared memory to swap space and frees it (<c>shmem_writeout</c>). Nobody maps it any more.</summary>
    /// <returns>False where it stays: somebody holds it, it reaches beyond the end of the file, or no slots in a row are free.</returns>
    internal bool TrySwapOut(CpuId cpu, Pfn head, SwapSpace swap)
    {
        ref Frame frame = ref frames[head];
        ulong at = frame.Index;
        Order order = new(cache.OrderOf(head));
        if (frame.RefCount != (int)order.PageCount || (frame.Flags & PageFlag.Uptodate) == 0 || (order.Value > 0 && at + order.PageCount > LengthPages)
            || !swap.TryTakeSlots(cpu, order, out SwapEntry first))
        {
            return false;
        }

        bool isZero = true;
        for (uint i = 0; i < order.PageCount; i++)
        {
            isZero &= !memory.GetFrame(head + i).ContainsAnyExcept((byte)0);
            if (!swap.TryWrite(SlotAfter(first, i), head + i))
            {
                FreeSlots(swap, first, order.PageCount);
                return false;
            }
        }

        swap.SetZero(first, order.PageCount, isZero);

        // The slots take the folio's place in the index, whose nodes are there to be taken again.
        RemoveFolio(cpu, head);
        if (index.TryStore(cpu, at, order.Value, ValueOf(first, order.Value)) == PageIndexResult.Done)
        {
            Record.SwappedPages += order.PageCount;
        }
        else
        {
            FreeSlots(swap, first, order.PageCount);
        }

        return true;
    }

    /// <summary>Brings a page of shared memory back from swap space, and with it the folio that it was part of (<c>shmem_swapin_folio</c>).</summary>
    /// <returns><see cref="FileFaultResult.Minor"/> where the page is not in swap space or the swap cache has it, otherwise <see cref="FileFaultResult.Major"/> or an error.</returns>
    internal FileFaultResult SwapIn(CpuId cpu, ulong pageIndex)
    {
        if (!IsSwapped(pageIndex) || cache.Swap is not { } swap)
        {
            return FileFaultResult.Minor;
        }

        SwapEntry entry = EntryOf(index.Load(pageIndex), out int order);
        if (order > 0)
        {
            if (swap.IsSynchronous(entry) && swap.IsReadableAsOne(entry, 1u << order) && TrySwapInFolio(cpu, RoundDown(pageIndex, order), entry, order, swap))
            {
                return FileFaultResult.Major;
            }

            if (!TrySplitSwapped(cpu, RoundDown(pageIndex, order), entry, order))
            {
                return FileFaultResult.OutOfMemory;
            }

            entry = EntryOf(index.Load(pageIndex), out _);
        }

        ulong value = ValueOf(entry, 0);
        index.Erase(cpu, pageIndex);
        if (TryAddFolio(cpu, pageIndex, 0, CacheGfp, out Pfn head) != PageIndexResult.Done)
        {
            _ = index.TryStore(cpu, pageIndex, 0, value);
            return FileFaultResult.OutOfMemory;
        }

        Pfn cached = swap.FindCached(entry);
        bool isRead = cached == Pfn.None;
        if (!isRead)
        {
            memory.GetFrame(cached).CopyTo(memory.GetFrame(head));
        }
        else if (!swap.TryRead(entry, head))
        {
            RemoveFolio(cpu, head);
            _ = index.TryStore(cpu, pageIndex, 0, value);
            return FileFaultResult.InputError;
        }

        Record.SwappedPages--;
        frames[head].Flags |= PageFlag.Uptodate | PageFlag.Dirty;
        FreeSlot(cpu, swap, entry);
        return isRead ? FileFaultResult.Major : FileFaultResult.Minor;
    }

    private static ulong ValueOf(SwapEntry entry, int order) => ((entry.Value | ((ulong)order << FolioOrderShift)) << 1) | 1;

    private static SwapEntry EntryOf(ulong value, out int order)
    {
        order = (int)(value >> (FolioOrderShift + 1)) & FolioOrderMask;
        return SwapEntry.FromUInt64((value >> 1) & ~((ulong)FolioOrderMask << FolioOrderShift));
    }

    private static SwapEntry SlotAfter(SwapEntry first, uint count) => new(first.Type, first.Offset + count);

    private static void FreeSlots(SwapSpace swap, SwapEntry first, uint count)
    {
        for (uint i = 0; i < count; i++)
        {
            swap.Free(SlotAfter(first, i), out _);
        }
    }

    private bool TryNextValue(ref ulong at, ulong lastPage, out SwapEntry entry, out int order)
    {
        ulong value = 0;
        bool isFound = Record.SwappedPages != 0 && at <= lastPage
            && index.TryFindNext(ref at, Math.Min(lastPage, PageIndexMax), null, out value, findsValues: true);
        entry = EntryOf(value, out order);
        return isFound;
    }

    private bool TrySwapInFolio(CpuId cpu, ulong first, SwapEntry entry, int order, SwapSpace swap)
    {
        if (!TryMakeFolio(cpu, order, ReadaheadGfp, out Pfn head))
        {
            return false;
        }

        bool isRead = true;
        for (uint i = 0; i < 1u << order; i++)
        {
            isRead &= swap.TryRead(SlotAfter(entry, i), head + i);
        }

        PrepareFolio(head, first, order);
        index.Erase(cpu, first);
        if (!isRead || index.TryStore(cpu, first, order, EntryOf(head)) != PageIndexResult.Done)
        {
            _ = index.TryStore(cpu, first, order, ValueOf(entry, order));
            frames[head].Mapping = 0;
            frames[head].Flags = PageFlag.Head;
            cache.Put(cpu, head, 1 << order);
            return false;
        }

        Record.CachedPages = unchecked(Record.CachedPages + (1UL << order));
        Record.SwappedPages -= Math.Min(Record.SwappedPages, 1UL << order);
        frames[head].Flags |= PageFlag.Uptodate | PageFlag.Dirty;
        FreeSlots(swap, entry, 1u << order);
        cache.Pages.Lru.Add(cpu, head);
        cache.FolioAdded?.Invoke(this, first, new Order(order));
        return true;
    }

    // shmem_split_large_entry: each page is on its own from now on.
    private bool TrySplitSwapped(CpuId cpu, ulong first, SwapEntry entry, int order)
    {
        index.Erase(cpu, first);
        for (uint i = 0; i < 1u << order; i++)
        {
            if (index.TryStore(cpu, first + i, 0, ValueOf(SlotAfter(entry, i), 0)) == PageIndexResult.Done)
            {
                continue;
            }

            while (i-- > 0)
            {
                index.Erase(cpu, first + i);
            }

            _ = index.TryStore(cpu, first, order, ValueOf(entry, order));
            return false;
        }

        return true;
    }

    // Whether a page that is in swap space has been read ahead.
    private bool IsSwapCached(ulong pageIndex) =>
        IsSwapped(pageIndex) && cache.Swap is { } swap && swap.FindCached(EntryOf(index.Load(pageIndex), out _)) != Pfn.None;

    // free_swap_and_cache: a frame that was read ahead goes with its slot.
    private void FreeSlot(CpuId cpu, SwapSpace swap, SwapEntry entry)
    {
        swap.Free(entry, out Pfn cached);
        if (cached != Pfn.None)
        {
            swap.Uncache(cached);
            cache.Put(cpu, cached, 1);
        }
    }

    // A folio that lies in swap space across the end of a range comes back, to be cut (shmem_get_partial_folio).
    private void SwapInAcross(CpuId cpu, ulong lastPage)
    {
        if (IsSwapped(lastPage) && EntryOf(index.Load(lastPage), out int order) != SwapEntry.None && order > 0)
        {
            _ = SwapIn(cpu, lastPage);
        }
    }

    /// <summary>Frees the slots of a range of pages, but of folios that lie there in part (<c>shmem_free_swap</c>).</summary>
    private void DropSwapped(CpuId cpu, ulong first, ulong end)
    {
        for (ulong at = first; at < end && TryNextValue(ref at, end - 1, out SwapEntry entry, out int order);)
        {
            ulong start = RoundDown(at, order);
            at = start + (1UL << order);
            if (start < first || at > end)
            {
                continue;
            }

            index.Erase(cpu, start);
            Record.SwappedPages -= Math.Min(Record.SwappedPages, 1UL << order);
            for (uint i = 0; cache.Swap is { } swap && i < 1u << order; i++)
            {
                FreeSlot(cpu, swap, SlotAfter(entry, i));
            }
        }
    }
}
