using System.Numerics;
using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <content>Readahead by the rules of Linux 6.9 (mm/readahead.c: <c>ondemand_readahead</c>, <c>page_cache_ra_order</c>).</content>
public sealed partial class FileMapping
{
    // Linux 6.9, ondemand_readahead; hitOrder is the order of the marked folio, -1 on a miss.
    private void OnDemand69(CpuId cpu, ref ReadaheadState ra, ulong pageIndex, uint requestPages, int hitOrder)
    {
        uint max = WindowMax(ra, requestPages);
        int order = Math.Max(hitOrder, 0);
        ulong expected = RoundDown(unchecked(ra.Start + ra.Size - ra.AsyncSize), order);
        ulong previous = unchecked((ulong)ra.PrevPos) >> Pfn.PageShift;
        if (pageIndex != 0 && (pageIndex == expected || pageIndex == ra.Start + ra.Size))
        {
            ra.Start += ra.Size;
            ra.Size = NextWindow(ra.Size, max);
            ra.AsyncSize = ra.Size;
        }
        else if (pageIndex != 0 && hitOrder >= 0)
        {
            ulong hole = NextMissing(pageIndex + 1, max);
            if (hole - pageIndex > max)
            {
                return;
            }

            ra.Start = hole;
            ra.Size = NextWindow((uint)(hole - pageIndex) + requestPages, max);
            ra.AsyncSize = ra.Size;
        }
        else if (pageIndex == 0 || requestPages > max || unchecked(pageIndex - previous) <= 1)
        {
            ra.Start = pageIndex;
            ra.Size = InitialWindow(requestPages, max);
            ra.AsyncSize = ra.Size > requestPages ? ra.Size - requestPages : ra.Size;
        }
        else if (!TryContext69(ref ra, pageIndex, requestPages, max))
        {
            ReadSingles(cpu, pageIndex, requestPages, 0);
            return;
        }

        MergeOwnMark69(ref ra, pageIndex, max);
        ReadWindow69(cpu, ref ra, ra.Start, order);
    }

    // Linux 6.9, try_context_readahead.
    private bool TryContext69(ref ReadaheadState ra, ulong pageIndex, uint requestPages, uint max)
    {
        uint run = CountHistory(pageIndex, max);
        if (run <= requestPages)
        {
            return false;
        }

        ulong history = run >= pageIndex ? run * 2UL : run;
        ra.Start = pageIndex;
        ra.Size = (uint)Math.Min(history + requestPages, max);
        ra.AsyncSize = 1;
        return true;
    }

    // Would this read hit its own mark at once? Then the next window is merged into it.
    private static void MergeOwnMark69(ref ReadaheadState ra, ulong pageIndex, uint max)
    {
        if (pageIndex != ra.Start || ra.Size != ra.AsyncSize)
        {
            return;
        }

        uint add = NextWindow(ra.Size, max);
        if (ra.Size + add <= max)
        {
            ra.AsyncSize = add;
            ra.Size += add;
        }
        else
        {
            ra.Size = max;
            ra.AsyncSize = max >> 1;
        }
    }

    // Linux 6.9, page_cache_ra_order.
    internal void ReadWindow69(CpuId cpu, ref ReadaheadState ra, ulong start, int hitOrder)
    {
        if (Options.FolioOrderMax == 0 || ra.Size < 4)
        {
            ReadSingles(cpu, start, ra.Size, ra.AsyncSize);
            return;
        }

        int order = hitOrder < Options.FolioOrderMax ? hitOrder + 2 : hitOrder;
        order = Math.Min(Math.Min(order, Options.FolioOrderMax), BitOperations.Log2(ra.Size));
        ulong next = ReadFolios(cpu, start, ra.Size, ra.AsyncSize, order, out bool isWhole);
        if (!isWhole)
        {
            // This release takes the whole size from where it stopped; later ones only what is left of the window.
            ReadSingles(cpu, next, ra.Size, ra.AsyncSize);
        }
    }
}
