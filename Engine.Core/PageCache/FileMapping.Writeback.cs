// Write-back (mm/page-writeback.c, write_cache_pages): dirty folios of a range go to the backing in ascending order.
// Each is made clean in all page tables first, so that a later write to it faults and marks it dirty again.

using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <content>Writing dirty pages back.</content>
public sealed partial class FileMapping
{
    /// <summary>Writes all dirty pages back (<c>fsync</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    public FileIoResult Sync(CpuId cpu) => Sync(cpu, 0, PageIndexMax);

    /// <summary>Writes the dirty pages of a range back (<c>sync_file_range</c>, <c>msync</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="firstPage">First page.</param>
    /// <param name="lastPage">Last page; a folio that the range touches is written whole.</param>
    public FileIoResult Sync(CpuId cpu, ulong firstPage, ulong lastPage) => WriteBack(cpu, firstPage, lastPage, ulong.MaxValue, out _);

    /// <summary>Writes some dirty pages back, from where the last round ended (the flusher's <c>range_cyclic</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="pageCountMax">How many pages at most; a folio is written whole.</param>
    /// <param name="writtenPages">How many were written.</param>
    public FileIoResult WriteSome(CpuId cpu, ulong pageCountMax, out ulong writtenPages)
    {
        ulong start = Math.Min(Record.WritebackIndex, PageIndexMax);
        FileIoResult result = WriteBack(cpu, start, PageIndexMax, pageCountMax, out writtenPages);
        if (result == FileIoResult.Done && writtenPages < pageCountMax && start > 0)
        {
            result = WriteBack(cpu, 0, start - 1, pageCountMax - writtenPages, out ulong more);
            writtenPages += more;
        }

        return result;
    }

    private FileIoResult WriteBack(CpuId cpu, ulong firstPage, ulong lastPage, ulong pageCountMax, out ulong writtenPages)
    {
        writtenPages = 0;
        FileIoResult result = FileIoResult.Done;
        if (IsShmem)
        {
            return result;
        }

        ulong at = firstPage;
        while (writtenPages < pageCountMax && TryNextFolio(ref at, lastPage, PageMark.Dirty, out Pfn head))
        {
            writtenPages += 1UL << cache.OrderOf(head);
            at = NextPageOf(head);
            if (!TryWriteFolio(cpu, head))
            {
                // The error is remembered for fsync; the page counts as written (mapping_set_error).
                result = FileIoResult.InputOutputError;
            }
        }

        Record.WritebackIndex = at;
        return result;
    }

    // folio_clear_dirty_for_io, folio_start_writeback, the output, folio_end_writeback.
    private bool TryWriteFolio(CpuId cpu, Pfn head)
    {
        ref Frame frame = ref frames[head];
        int order = cache.OrderOf(head);
        ulong first = frame.Index;
        cache.ReverseMap?.CleanFolio(cpu, this, head);
        if ((frame.Flags & PageFlag.Dirty) != 0)
        {
            CountDirty(-(1L << order));
        }

        frame.Flags = (frame.Flags & ~PageFlag.Dirty) | PageFlag.Writeback;
        index.SetMark(first, PageMark.Writeback);
        index.ClearMark(first, PageMark.Dirty);

        bool isGood = true;
        ulong length = LengthPages;
        for (uint i = 0; i < 1u << order && first + i < length; i++)
        {
            isGood &= Backing.WritePage(first + i, memory.GetFrame(head + i));
        }

        index.ClearMark(first, PageMark.Writeback);
        frame.Flags &= ~PageFlag.Writeback;
        return isGood;
    }
}
