// Fault-around: a read fault maps what is cached nearby as well (filemap_map_pages, mm/filemap.c).
//
// Linux 6.9 maps only what lies in the window. Linux 6.18 maps each large folio that it meets whole, where the folio
// lies within the VMA, the page table, and the file; its test for the last is one page too strict, and is applied to the
// first folio found for all of them. Where that test fails and there is no page table yet, nothing is mapped.

using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <content>Fault-around.</content>
public sealed partial class FileMapping
{
    private const ulong MappableMask = PageFlag.Uptodate | PageFlag.Readahead | PageFlag.Locked;

    /// <summary>
    /// The pages around a read fault that can be mapped without input: cached, up to date, not marked for readahead.
    /// Each lowers the count of misses. Linux calls this before <c>Fault</c>, and again after a fault that had to
    /// read (<see cref="FileFaultResult.Major"/>, <see cref="FileFaultResult.MinorReadahead"/>).
    /// </summary>
    /// <param name="ra">The state of the open file that is mapped.</param>
    /// <param name="window">Where to look.</param>
    /// <param name="pages">
    /// One for each page from <see cref="FaultAroundWindow.TableFirst"/> to <see cref="FaultAroundWindow.TableLast"/>;
    /// the range that the result names gets its frames, or <see cref="Pfn.None"/>. No reference is taken.
    /// </param>
    /// <exception cref="ArgumentException">The window does not lie within its limits, or <paramref name="pages"/> is too short.</exception>
    public FaultAroundResult MapAround(ref ReadaheadState ra, in FaultAroundWindow window, Span<Pfn> pages)
    {
        CheckWindow(window, pages.Length);
        ulong length = LengthPages;
        FaultAroundResult result = new(window.First, 0, 0, Pfn.None);
        if (window.First >= length || !TryNextMappable(window.First, Math.Min(window.Last, length - 1), out ulong at, out Pfn head))
        {
            return result;
        }

        bool canMapWhole = cache.Options.Release == KernelRelease.Linux69 || IsShmem || length - 1 >= NextPageOf(head);
        if (!window.HasTable && canMapWhole && cache.OrderOf(head) == HugeOrder)
        {
            return result with { HugeFolio = head };
        }

        if (!window.HasTable && !canMapWhole)
        {
            return result;
        }

        return MapEach(ref ra, window, pages, canMapWhole, at, head);
    }

    private FaultAroundResult MapEach(ref ReadaheadState ra, in FaultAroundWindow window, Span<Pfn> pages, bool canMapWhole, ulong at, Pfn head)
    {
        ulong last = Math.Min(window.Last, LengthPages - 1);
        ulong lowest = window.First;
        ulong highest = last;
        pages.Slice((int)(window.First - window.TableFirst), (int)(last - window.First) + 1).Fill(Pfn.None);
        int mappable = 0;
        uint hits = 0;
        do
        {
            ulong first = frames[head].Index;
            ulong next = NextPageOf(head);
            ulong from = at;
            ulong to = Math.Min(next - 1, last);
            if (MapsWhole(canMapWhole, first, next, window))
            {
                from = first;
                to = next - 1;
                lowest = Math.Min(lowest, from);
                highest = Math.Max(highest, to);
            }

            uint count = (uint)(to - from) + 1;
            for (uint i = 0; i < count; i++)
            {
                pages[(int)(from - window.TableFirst + i)] = head + (uint)(from - first + i);
            }

            mappable += (int)count;
            hits += (frames[head].Flags & PageFlag.Workingset) == 0 ? count : 0;
            at = next;
        }
        while (at <= last && TryNextMappable(at, last, out at, out head));

        if (!IsShmem)
        {
            ra.MmapMiss = hits >= ra.MmapMiss ? 0 : ra.MmapMiss - hits;
        }

        return new FaultAroundResult(lowest, (int)(highest - lowest) + 1, mappable, Pfn.None);
    }

    // filemap_map_folio_range, Linux 6.18: a large folio is mapped whole where nothing cuts it.
    private bool MapsWhole(bool canMapWhole, ulong first, ulong next, in FaultAroundWindow window) =>
        canMapWhole && cache.Options.Release != KernelRelease.Linux69 && next - first > 1
        && first >= window.TableFirst && next - 1 <= window.TableLast;

    // next_uptodate_folio
    private bool TryNextMappable(ulong start, ulong last, out ulong at, out Pfn head)
    {
        at = start;
        while (TryNextFolio(ref at, last, null, out head))
        {
            if ((frames[head].Flags & MappableMask) == PageFlag.Uptodate)
            {
                return true;
            }

            at = NextPageOf(head);
        }

        head = Pfn.None;
        return false;
    }

    private ulong NextPageOf(Pfn head) => frames[head].Index + (1UL << cache.OrderOf(head));

    private static void CheckWindow(in FaultAroundWindow window, int pageCount)
    {
        bool isGood = window.TableFirst <= window.First && window.First <= window.Last && window.Last <= window.TableLast
            && window.TableLast - window.TableFirst < HugePages && window.TableLast - window.TableFirst < (ulong)pageCount;
        if (!isGood)
        {
            throw new ArgumentException($"window {window} is not ordered, longer than a page table, or longer than {pageCount} pages", nameof(window));
        }
    }
}
