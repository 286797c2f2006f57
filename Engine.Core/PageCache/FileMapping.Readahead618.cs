using System.Numerics;
using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <content>Readahead by the rules of Linux 6.18 (mm/readahead.c: <c>page_cache_sync_ra</c>, <c>page_cache_async_ra</c>, <c>page_cache_ra_order</c>).</content>
public sealed partial class FileMapping
{
    // Linux 6.18, page_cache_sync_ra.
    private void Sync618(CpuId cpu, ref ReadaheadState ra, ulong pageIndex, uint requestPages)
    {
        uint max = WindowMax(ra, requestPages);
        ulong previous = unchecked((ulong)ra.PrevPos) >> Pfn.PageShift;
        if (pageIndex == 0 || requestPages > max || unchecked(pageIndex - previous) <= 1)
        {
            ra.Start = pageIndex;
            ra.Size = InitialWindow(requestPages, max);
            ra.AsyncSize = ra.Size > requestPages ? ra.Size - requestPages : ra.Size >> 1;
        }
        else
        {
            uint run = CountHistory(pageIndex, max);
            if (run <= requestPages)
            {
                ReadSingles(cpu, pageIndex, requestPages, 0);
                return;
            }

            ulong history = run >= pageIndex ? run * 2UL : run;
            ra.Start = pageIndex;
            ra.Size = (uint)Math.Min(history + requestPages, max);
            ra.AsyncSize = 1;
        }

        ra.Order = 0;
        ReadWindow618(cpu, ref ra, ra.Start);
    }

    // Linux 6.18, page_cache_async_ra.
    private void Async618(CpuId cpu, ref ReadaheadState ra, ulong pageIndex, uint requestPages, int hitOrder)
    {
        uint max = WindowMax(ra, requestPages);
        if (pageIndex == RoundDown(unchecked(ra.Start + ra.Size - ra.AsyncSize), hitOrder))
        {
            ra.Start += ra.Size;

            // A window that MADV_HUGEPAGE made may exceed the maximum, and keeps its size.
            ra.Size = Math.Max(ra.Size, NextWindow(ra.Size, max));
        }
        else
        {
            ulong hole = NextMissing(pageIndex + 1, max);
            if (hole - pageIndex > max)
            {
                return;
            }

            ra.Start = hole;
            ra.Size = NextWindow((uint)(hole - pageIndex) + requestPages, max);
        }

        ra.Order = (ushort)Math.Min(ra.Order + 2, 63);
        int alignOrder = Math.Min((int)ra.Order, BitOperations.TrailingZeroCount(max));
        ulong end = ra.Start + ra.Size;
        ulong alignedEnd = RoundDown(end, alignOrder);
        if (alignedEnd > ra.Start)
        {
            ra.Size -= (uint)(end - alignedEnd);
        }

        ra.AsyncSize = ra.Size;
        ReadWindow618(cpu, ref ra, ra.Start);
    }

    // Linux 6.18, page_cache_ra_order.
    internal void ReadWindow618(CpuId cpu, ref ReadaheadState ra, ulong start)
    {
        if (Options.FolioOrderMax == 0)
        {
            ra.Order = 0;
            ReadSingles(cpu, start, ra.Size, ra.AsyncSize);
            return;
        }

        int order = Math.Min(Math.Min((int)ra.Order, Options.FolioOrderMax), BitOperations.Log2(Math.Max(ra.Size, 1)));
        ra.Order = (ushort)order;
        ulong next = ReadFolios(cpu, start, ra.Size, ra.AsyncSize, order, out bool isWhole);
        if (!isWhole && ra.Size > next - start)
        {
            ReadSingles(cpu, next, ra.Size - (next - start), ra.AsyncSize);
        }
    }
}
