// posix_fadvise (mm/fadvise.c, generic_fadvise) and what mincore reads.

using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <content>Advice, eviction, residency.</content>
public sealed partial class FileMapping
{
    /// <summary>The readahead state of a file that was just opened on this device.</summary>
    public ReadaheadState OpenState() => ReadaheadState.ForFile(Options.RaPages);

    /// <summary>Follows advice (<c>posix_fadvise</c>). Shmem takes all of it, and does nothing.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="ra">The open file's state.</param>
    /// <param name="advice">The advice.</param>
    /// <param name="offsetBytes">First byte of the range.</param>
    /// <param name="lengthBytes">Bytes in the range; 0 means to the end of all files.</param>
    public void Advise(CpuId cpu, ref ReadaheadState ra, FileAdvice advice, ulong offsetBytes, ulong lengthBytes)
    {
        if (IsShmem)
        {
            return;
        }

        bool isOpenEnded = lengthBytes == 0 || lengthBytes > LengthBytesMax || offsetBytes > LengthBytesMax - lengthBytes;
        ulong lastByte = isOpenEnded ? LengthBytesMax : offsetBytes + lengthBytes - 1;
        switch (advice)
        {
            case FileAdvice.Normal:
                ra.RaPages = Options.RaPages;
                ra.IsRandom = false;
                break;
            case FileAdvice.Random:
                ra.IsRandom = true;
                break;
            case FileAdvice.Sequential:
                ra.RaPages = Options.RaPages * 2;
                ra.IsRandom = false;
                break;
            case FileAdvice.WillNeed:
                ulong first = offsetBytes >> Pfn.PageShift;
                ForceReadahead(cpu, ref ra, first, (lastByte >> Pfn.PageShift) - first + 1);
                break;
            case FileAdvice.DontNeed:
                DontNeed(cpu, offsetBytes, lastByte);
                break;
            case FileAdvice.NoReuse:
            default:
                break;
        }
    }

    /// <summary>
    /// Drops clean pages that nobody maps from the cache (<c>invalidate_mapping_pages</c>, <c>mapping_try_invalidate</c>; what <c>drop_caches</c> and
    /// <c>DONTNEED</c> do). Dirty pages stay, and so do pages under write-back or with references of others.
    /// </summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="firstPage">First page.</param>
    /// <param name="lastPage">Last page; only folios that lie wholly in the range go.</param>
    /// <returns>How many pages went.</returns>
    public ulong Invalidate(CpuId cpu, ulong firstPage, ulong lastPage)
    {
        ulong dropped = 0;
        ulong at = firstPage;
        ulong last = Math.Min(lastPage, PageIndexMax);
        while (TryNextFolio(ref at, last, null, out Pfn head))
        {
            ulong next = NextPageOf(head);
            if (frames[head].Index >= firstPage && next - 1 <= last && IsEvictable(head))
            {
                dropped += next - frames[head].Index;
                RemoveFolio(cpu, head);
            }

            at = next;
        }

        return dropped;
    }

    /// <summary>Which pages are cached and up to date (<c>mincore</c> for pages that are not mapped, <c>cachestat</c>).</summary>
    /// <param name="firstPage">First page.</param>
    /// <param name="resident">One for each page; all are written.</param>
    /// <returns>How many are.</returns>
    public int GetResidency(ulong firstPage, Span<bool> resident)
    {
        resident.Clear();
        if (resident.IsEmpty || firstPage > PageIndexMax)
        {
            return 0;
        }

        int count = 0;
        ulong at = firstPage;
        ulong last = firstPage + (uint)resident.Length - 1;
        while (TryNextFolio(ref at, last, null, out Pfn head))
        {
            ulong next = NextPageOf(head);
            ulong from = Math.Max(firstPage, frames[head].Index);
            ulong to = Math.Min(next - 1, last);
            if ((frames[head].Flags & PageFlag.Uptodate) != 0)
            {
                resident.Slice((int)(from - firstPage), (int)(to - from) + 1).Fill(true);
                count += (int)(to - from) + 1;
            }

            at = next;
        }

        return count;
    }

    // Pages that were dirty are on their way to the device while the range is dropped, and so stay.
    private void DontNeed(CpuId cpu, ulong offsetBytes, ulong lastByte)
    {
        ulong first = PagesFor(offsetBytes);
        ulong last = lastByte >> Pfn.PageShift;
        bool endsInPage = (lastByte & (Pfn.PageSizeBytes - 1)) != Pfn.PageSizeBytes - 1;
        if (endsInPage && unchecked(lastByte + 1) != LengthBytes)
        {
            if (last == 0)
            {
                _ = Sync(cpu, offsetBytes >> Pfn.PageShift, lastByte >> Pfn.PageShift);
                return;
            }

            last--;
        }

        ulong at = first;
        while (at <= last)
        {
            ulong dirty = at;
            if (!TryNextFolio(ref dirty, last, PageMark.Dirty, out Pfn head))
            {
                Invalidate(cpu, at, last);
                break;
            }

            if (frames[head].Index > at)
            {
                Invalidate(cpu, at, frames[head].Index - 1);
            }

            at = NextPageOf(head);
        }

        _ = Sync(cpu, offsetBytes >> Pfn.PageShift, lastByte >> Pfn.PageShift);
    }

    // mapping_evict_folio
    private bool IsEvictable(Pfn head)
    {
        ref Frame frame = ref frames[head];
        return (frame.Flags & (PageFlag.Dirty | PageFlag.Writeback | PageFlag.Locked)) == 0
            && frame.RefCount == 1 << cache.OrderOf(head) && !IsShmem;
    }
}
