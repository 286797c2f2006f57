// Shared memory in swap space (mm/shmem.c): where a page was, the index holds its slot, a value entry. The slot has one
// reference, the index's. A page that comes back is dirty, because its slot is given up at once.

using Engine.Core.Frames;
using Engine.Core.Swap;
using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <content>Reclaim of a file's pages; swap of shared memory.</content>
public sealed partial class FileMapping
{
    /// <summary>Pages of shared memory that are in swap space (<c>info->swapped</c>).</summary>
    public ulong SwappedPages => Record.SwappedPages;

    /// <summary>How many pages of a range are in swap space (<c>shmem_partial_swap_usage</c>).</summary>
    /// <param name="firstPage">First page.</param>
    /// <param name="pageCount">Pages.</param>
    public ulong CountSwapped(ulong firstPage, ulong pageCount)
    {
        ulong count = 0;
        ulong at = firstPage;
        while (count < Record.SwappedPages && pageCount > 0
            && index.TryFindNext(ref at, Math.Min(firstPage + pageCount - 1, PageIndexMax), null, out _, findsValues: true))
        {
            count++;
            at++;
        }

        return count;
    }

    /// <summary>Whether a page of shared memory is in swap space.</summary>
    public bool IsSwapped(ulong pageIndex) => Record.SwappedPages != 0 && RadixEntry.IsValue(index.Load(pageIndex));

    /// <summary>Finds a page of shared memory that is in swap space.</summary>
    /// <param name="pageIndex">Where to begin; then the page that was found.</param>
    /// <param name="lastPage">Where to end.</param>
    /// <param name="entry">Its slot.</param>
    public bool TryNextSwapped(ref ulong pageIndex, ulong lastPage, out SwapEntry entry)
    {
        entry = default;
        ulong value = 0;
        bool isFound = Record.SwappedPages != 0 && pageIndex <= lastPage
            && index.TryFindNext(ref pageIndex, Math.Min(lastPage, PageIndexMax), null, out value, findsValues: true);
        entry = isFound ? SwapEntry.FromUInt64(value >> 1) : default;
        return isFound;
    }

    /// <summary>Calls back for each slot that the index holds, for whoever checks the swap space.</summary>
    internal void ForEachSwapped(Action<SwapEntry> action)
    {
        ulong at = 0;
        while (Record.SwappedPages != 0 && index.TryFindNext(ref at, PageIndexMax, null, out ulong entry, findsValues: true))
        {
            action(SwapEntry.FromUInt64(entry >> 1));
            at++;
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

    /// <summary>Writes a page of shared memory to swap space and frees it (<c>shmem_writeout</c>). Nobody maps it any more.</summary>
    internal bool TrySwapOut(CpuId cpu, Pfn head, SwapSpace swap)
    {
        ref Frame frame = ref frames[head];
        ulong at = frame.Index;
        if (cache.OrderOf(head) != 0 || frame.RefCount != 1 || (frame.Flags & PageFlag.Uptodate) == 0 || !swap.TryTakeSlot(cpu, out SwapEntry entry))
        {
            return false;
        }

        if (!swap.TryWrite(entry, head))
        {
            swap.Free(entry, out _);
            return false;
        }

        // The slot takes the folio's place in the index, whose nodes are there to be taken again.
        RemoveFolio(cpu, head);
        if (index.TryStore(cpu, at, 0, (entry.Value << 1) | 1) == PageIndexResult.Done)
        {
            Record.SwappedPages++;
            return true;
        }

        swap.Free(entry, out _);
        return true;
    }

    /// <summary>Brings a page of shared memory back from swap space (<c>shmem_swapin_folio</c>).</summary>
    /// <returns><see cref="FileFaultResult.Minor"/> where the page is not in swap space or the swap cache has it, otherwise <see cref="FileFaultResult.Major"/> or an error.</returns>
    internal FileFaultResult SwapIn(CpuId cpu, ulong pageIndex)
    {
        if (!IsSwapped(pageIndex) || cache.Swap is not { } swap)
        {
            return FileFaultResult.Minor;
        }

        ulong value = index.Load(pageIndex);
        SwapEntry entry = SwapEntry.FromUInt64(value >> 1);
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

    // Whether a page that is in swap space has been read ahead.
    private bool IsSwapCached(ulong pageIndex) =>
        IsSwapped(pageIndex) && cache.Swap is { } swap && swap.FindCached(SwapEntry.FromUInt64(index.Load(pageIndex) >> 1)) != Pfn.None;

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

    /// <summary>Frees the slots of a range of pages (<c>shmem_free_swap</c>).</summary>
    private void DropSwapped(CpuId cpu, ulong first, ulong end)
    {
        ulong at = first;
        while (Record.SwappedPages != 0 && at < end && index.TryFindNext(ref at, Math.Min(end - 1, PageIndexMax), null, out ulong entry, findsValues: true))
        {
            index.Erase(cpu, at);
            Record.SwappedPages--;
            if (cache.Swap is { } swap)
            {
                FreeSlot(cpu, swap, SwapEntry.FromUInt64(entry >> 1));
            }

            at++;
        }
    }
}
