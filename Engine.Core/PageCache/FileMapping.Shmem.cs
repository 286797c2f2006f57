// Folios of shared memory (mm/shmem.c): how large a new one is, and what becomes of 2 MiB of single ones that are collapsed.

using System.Numerics;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <content>Large folios of shared memory.</content>
public sealed partial class FileMapping
{
    /// <summary>Pages of folios of 2 MiB in the cache (<c>NR_SHMEM_THPS</c>, <c>NR_FILE_THPS</c>).</summary>
    public ulong HugePagesCached
    {
        get
        {
            ulong pages = 0;
            ulong at = 0;
            while (TryNextFolio(ref at, PageIndexMax, null, out Pfn head))
            {
                pages += cache.OrderOf(head) == HugeOrder ? HugePages : 0;
                at = NextPageOf(head);
            }

            return pages;
        }
    }

    // shmem_alloc_and_add_folio: the largest of the orders whose aligned place in the file is empty; smaller ones where there is no memory.
    private PageIndexResult TryAddShmemFolio(CpuId cpu, ulong pageIndex, uint orders, GfpFlags gfp, out Pfn head)
    {
        bool isEmpty = false;
        for (orders &= (2u << Order.MaxValue) - 2; orders != 0;)
        {
            int order = BitOperations.Log2(orders);
            ulong first = RoundDown(pageIndex, order);
            isEmpty = isEmpty || IsEmpty(first, order);
            if (isEmpty && TryAddFolio(cpu, first, order, gfp, out head) == PageIndexResult.Done)
            {
                return PageIndexResult.Done;
            }

            orders &= ~(1u << order);
        }

        return TryAddFolio(cpu, pageIndex, 0, CacheGfp, out head);
    }

    // Neither folios nor pages in swap space.
    private bool IsEmpty(ulong first, int order)
    {
        ulong last = first + (1UL << order) - 1;
        ulong at = first;
        ulong swapped = first;
        return !TryNextFolio(ref at, last, null, out _) && !TryNextSwapped(ref swapped, last, out _);
    }

    private void ClearFolio(Pfn head)
    {
        for (uint i = 0; i < 1u << cache.OrderOf(head); i++)
        {
            memory.GetFrame(head + i).Clear();
        }

        frames[head].Flags |= PageFlag.Uptodate;
    }

    /// <summary>
    /// Makes one folio of 2 MiB of shared memory (<c>hpage_collapse_scan_file</c>, <c>collapse_file</c>, mm/khugepaged.c): pages in swap space come
    /// back, missing ones become zeroes, all mappings go and their tables with them.
    /// </summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="firstPage">The first page, a multiple of 512.</param>
    /// <param name="gfp">How memory is asked for.</param>
    /// <param name="emptyMax">Pages that may be missing.</param>
    /// <param name="swappedMax">Pages that may be in swap space.</param>
    public FileCollapseResult Collapse(CpuId cpu, ulong firstPage, GfpFlags gfp, int emptyMax, int swappedMax)
    {
        if (!IsShmem || (firstPage & (HugePages - 1)) != 0 || firstPage > PageIndexMax - HugePages)
        {
            throw new ArgumentException($"page {firstPage} of file {Id} begins no 2 MiB of shared memory", nameof(firstPage));
        }

        FileCollapseResult judged = JudgeCollapse(firstPage, emptyMax, swappedMax);
        if (judged != FileCollapseResult.Done)
        {
            return judged;
        }

        if (!TryMakeFolio(cpu, HugeOrder, gfp, out Pfn made))
        {
            return FileCollapseResult.OutOfMemory;
        }

        FileCollapseResult result = IsEmpty(firstPage, HugeOrder) ? FileCollapseResult.Empty : SwapInRange(cpu, firstPage);
        if (result == FileCollapseResult.Done)
        {
            cache.ReverseMap?.UnmapRange(cpu, this, firstPage, HugePages, includePrivateCopies: false);
            result = TryReplace(cpu, firstPage, made) ? FileCollapseResult.Done : FileCollapseResult.OutOfMemory;
        }

        if (result == FileCollapseResult.Done)
        {
            cache.ReverseMap?.RetractTables(cpu, this, firstPage);
        }
        else
        {
            frames[made].Flags = PageFlag.Head;
            frames[made].Mapping = 0;
            cache.Put(cpu, made, frames[made].RefCount);
        }

        return result;
    }

    private FileCollapseResult JudgeCollapse(ulong firstPage, int emptyMax, int swappedMax)
    {
        int swapped = 0;
        int present = 0;
        for (ulong at = firstPage; at < firstPage + HugePages;)
        {
            if (!TryFindFolio(at, out Pfn head))
            {
                swapped += IsSwapped(at) ? 1 : 0;
                at++;
                continue;
            }

            if (cache.OrderOf(head) == HugeOrder)
            {
                return FileCollapseResult.AlreadyHuge;
            }

            int pages = 1 << cache.OrderOf(head);
            int references = pages;
            for (uint i = 0; i < pages; i++)
            {
                references = unchecked(references + frames[head + i].MapCount);
            }

            if (references != frames[head].RefCount)
            {
                return FileCollapseResult.Held;
            }

            present += pages;
            at = NextPageOf(head);
        }

        return swapped > swappedMax || present < (int)HugePages - emptyMax ? FileCollapseResult.TooSparse : FileCollapseResult.Done;
    }

    private FileCollapseResult SwapInRange(CpuId cpu, ulong firstPage)
    {
        ulong at = firstPage;
        while (TryNextSwapped(ref at, firstPage + HugePages - 1, out _))
        {
            if (SwapIn(cpu, at) is FileFaultResult.OutOfMemory or FileFaultResult.InputError)
            {
                return FileCollapseResult.InputError;
            }

            at++;
        }

        return FileCollapseResult.Done;
    }

    // Copies, and exchanges the entries of the index. Nobody maps the old folios any more.
    private bool TryReplace(CpuId cpu, ulong firstPage, Pfn made)
    {
        List<Pfn> old = [];
        for (ulong at = firstPage; at < firstPage + HugePages;)
        {
            if (!TryFindFolio(at, out Pfn head))
            {
                memory.GetFrame(made + (uint)(at - firstPage)).Clear();
                at++;
                continue;
            }

            for (uint i = 0; i < 1u << cache.OrderOf(head); i++)
            {
                memory.GetFrame(head + i).CopyTo(memory.GetFrame(made + (uint)(at - firstPage) + i));
            }

            old.Add(head);
            at = NextPageOf(head);
        }

        old.ForEach(head => index.Erase(cpu, frames[head].Index));
        PrepareFolio(made, firstPage, HugeOrder);
        if (index.TryStore(cpu, firstPage, HugeOrder, EntryOf(made)) != PageIndexResult.Done)
        {
            // The nodes that were just freed are there to be taken again.
            old.ForEach(head => _ = index.TryStore(cpu, frames[head].Index, cache.OrderOf(head), EntryOf(head)));
            return false;
        }

        frames[made].Flags |= PageFlag.Uptodate | PageFlag.Dirty;
        foreach (Pfn head in old)
        {
            int order = cache.OrderOf(head);
            Record.CachedPages -= Math.Min(Record.CachedPages, 1UL << order);
            frames[head].Mapping = 0;
            frames[head].Flags &= ~PageFlag.Dirty;
            cache.Put(cpu, head, 1 << order);
        }

        Record.CachedPages = unchecked(Record.CachedPages + HugePages);
        cache.Pages.Lru.Add(cpu, made);
        cache.FolioAdded?.Invoke(this, firstPage, new Order(HugeOrder));
        return true;
    }
}
