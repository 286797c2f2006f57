// Readahead: how many pages come in when one is missed, and when the next window is fetched (mm/readahead.c).
//
// A miss is a synchronous call: the first window. The page at start + size - async_size carries a mark; whoever touches
// the marked page makes the asynchronous call, which fetches the window after it before anyone waits for it.
// A lone miss far from the last access reads what was asked for and leaves the state alone.
//
// The two releases differ. Linux 6.9 decides both calls in one place, moves on as well when a miss falls right behind
// the window, merges a window with its successor when the miss would hit its own mark, and lets folios grow by two
// orders from the order of the folio that was hit. Linux 6.18 keeps the order in the state, starts at order 0 on each
// miss, adds two at each asynchronous call, and ends windows at a multiple of the folio size.

using System.Numerics;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <content>Readahead.</content>
public sealed partial class FileMapping
{
    private const uint ForcedChunkPages = (2 << 20) >> Pfn.PageShift;

    // A leaf node of the kernel's index has 64 slots (XA_CHUNK_SIZE); folios of smaller orders lie in leaves.
    private const int LeafOrders = 6;
    private const ulong NodeMask = (1UL << LeafOrders) - 1;

    /// <summary>What a miss triggers (<c>page_cache_sync_ra</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="ra">The open file's state.</param>
    /// <param name="pageIndex">The page that is missing.</param>
    /// <param name="requestPages">Pages that the caller wants from there.</param>
    internal void ReadaheadSync(CpuId cpu, ref ReadaheadState ra, ulong pageIndex, uint requestPages)
    {
        bool isForced = ra.IsRandom;
        if (ra.RaPages == 0)
        {
            requestPages = 1;
            isForced = true;
        }

        if (isForced)
        {
            ForceReadahead(cpu, ref ra, pageIndex, requestPages);
        }
        else if (cache.Options.Release == KernelRelease.Linux69)
        {
            OnDemand69(cpu, ref ra, pageIndex, requestPages, -1);
        }
        else
        {
            Sync618(cpu, ref ra, pageIndex, requestPages);
        }
    }

    /// <summary>What touching a marked folio triggers (<c>page_cache_async_ra</c>).</summary>
    internal void ReadaheadAsync(CpuId cpu, ref ReadaheadState ra, Pfn head, ulong pageIndex, uint requestPages)
    {
        ref Frame frame = ref frames[head];
        if (ra.RaPages == 0 || (frame.Flags & PageFlag.Writeback) != 0)
        {
            return;
        }

        frame.Flags &= ~PageFlag.Readahead;
        int order = cache.OrderOf(head);
        if (cache.Options.Release == KernelRelease.Linux69)
        {
            OnDemand69(cpu, ref ra, pageIndex, requestPages, order);
        }
        else
        {
            Async618(cpu, ref ra, pageIndex, requestPages, order);
        }
    }

    /// <summary>Reads a range in chunks of 2 MiB, whatever the state says (<c>force_page_cache_ra</c>).</summary>
    internal void ForceReadahead(CpuId cpu, ref ReadaheadState ra, ulong pageIndex, ulong pageCount)
    {
        ulong left = Math.Min(pageCount, Math.Max(Options.IoPages, ra.RaPages));
        while (left > 0)
        {
            ulong chunk = Math.Min(left, ForcedChunkPages);
            ReadSingles(cpu, pageIndex, chunk, 0);
            pageIndex += chunk;
            left -= chunk;
        }
    }

    // A request larger than the window may be as large as the device takes at once.
    private uint WindowMax(in ReadaheadState ra, uint requestPages) =>
        requestPages > ra.RaPages && Options.IoPages > ra.RaPages ? Math.Min(requestPages, Options.IoPages) : ra.RaPages;

    private static uint InitialWindow(uint requestPages, uint max)
    {
        uint size = BitOperations.RoundUpToPowerOf2(Math.Max(requestPages, 1));
        if (size <= max / 32)
        {
            return size * 4;
        }

        return size <= max / 4 ? size * 2 : max;
    }

    private static uint NextWindow(uint size, uint max)
    {
        if (size < max / 16)
        {
            return 4 * size;
        }

        return size <= max / 2 ? 2 * size : max;
    }

    private static ulong RoundDown(ulong value, int order) => value >> order << order;

    // Folios of an order, smaller where the start is not aligned and at the end; stops at the first that cannot be added.
    // Returns the page after the last one added.
    private ulong ReadFolios(CpuId cpu, ulong start, uint size, uint asyncSize, int order, out bool isWhole)
    {
        isWhole = true;
        if (LengthPages == 0 || size == 0)
        {
            return start;
        }

        ulong at = start;
        ulong last = Math.Min(LengthPages - 1, start + size - 1);
        ulong mark = unchecked(start + size - asyncSize);
        while (at <= last)
        {
            int k = (at & ((1UL << order) - 1)) != 0 ? BitOperations.TrailingZeroCount(at) : order;
            while (at + (1UL << k) - 1 > last)
            {
                k--;
            }

            if (!TryReadFolio(cpu, at, k, at == RoundDown(mark, k)))
            {
                isWhole = false;
                break;
            }

            at += 1UL << k;
        }

        return at;
    }

    // Single pages where they lack (do_page_cache_ra, page_cache_ra_unbounded).
    private void ReadSingles(CpuId cpu, ulong start, ulong pageCount, ulong lookahead)
    {
        ulong length = LengthPages;
        if (start >= length)
        {
            return;
        }

        ulong count = Math.Min(pageCount, length - start);
        for (ulong i = 0; i < count; i++)
        {
            if (RadixEntry.IsFolio(index.Load(start + i)))
            {
                continue;
            }

            if (!TryReadFolio(cpu, start + i, 0, i == unchecked(count - lookahead)))
            {
                return;
            }
        }
    }

    private bool TryReadFolio(CpuId cpu, ulong first, int order, bool isMarked)
    {
        if (TryAddFolio(cpu, first, order, ReadaheadGfp, out Pfn head) != PageIndexResult.Done)
        {
            return false;
        }

        FillFolio(head, cache.OrderOf(head));
        if (isMarked)
        {
            frames[head].Flags |= PageFlag.Readahead;
        }

        return true;
    }

    // Cached pages in a row just before a page (count_history_pages). Where max pages are cached, one less is counted:
    // page_cache_prev_miss then stops at the last page it saw.
    private uint CountHistory(ulong pageIndex, uint max)
    {
        ulong at = unchecked(pageIndex - 1);
        ulong slot = FirstSlotOf(at);
        for (uint seen = 0; seen < max && RadixEntry.IsFolio(index.Load(slot)); seen++)
        {
            if (seen == max - 1)
            {
                break;
            }

            at = unchecked(at - 1);
            if ((slot & NodeMask) != 0)
            {
                slot--;
            }
            else if ((at & NodeMask) != 0)
            {
                // Over a node's edge places and counts agree again; before the first node there is nothing.
                if (slot == 0)
                {
                    break;
                }

                slot = slot - NodeMask - 1 + (at & NodeMask);
            }
        }

        return unchecked((uint)(pageIndex - at - 1));
    }

    // The first page from an index on that is not cached (page_cache_next_miss). Where max pages are cached, Linux 6.9
    // gives the last of them, 6.18 the one after.
    private ulong NextMissing(ulong pageIndex, uint max)
    {
        ulong at = pageIndex;
        ulong slot = FirstSlotOf(at);
        for (uint seen = 0; seen < max; seen++)
        {
            if (!RadixEntry.IsFolio(index.Load(slot)))
            {
                return at;
            }

            at++;
            slot = (slot & NodeMask) == NodeMask ? at : slot + 1;
        }

        return cache.Options.Release == KernelRelease.Linux69 ? at - 1 : at;
    }

    // Where a walk along the index begins. xas_load() goes to the first slot of a folio, and the walk counts pages from the page it was
    // asked for: from inside a folio of a leaf node it looks at places before those it counts, up to the node's end.
    private ulong FirstSlotOf(ulong pageIndex) =>
        TryFindFolio(pageIndex, out Pfn head) && cache.OrderOf(head) < LeafOrders ? frames[head].Index : pageIndex;
}
