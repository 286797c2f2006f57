// Splitting a large folio (split_huge_page_to_list_to_order, mm/huge_memory.c; __folio_split since Linux 6.15).
//
// The folio leaves all page tables first; its pages come back by faults. It can be split only when nobody but the cache
// holds references to it. Its frames become smaller blocks in place, its entry in the index becomes one for each of them.

using System.Numerics;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <content>Splitting folios.</content>
public sealed partial class FileMapping
{
    // The place of a split after which no piece is larger than a page.
    private const ulong Everywhere = ulong.MaxValue;

    private const ulong KeptBySplit = PageFlag.Referenced | PageFlag.Uptodate | PageFlag.Dirty | PageFlag.Active
        | PageFlag.Workingset | PageFlag.SwapBacked | PageFlag.Unevictable | PageFlag.Mlocked;

    /// <summary>Makes single pages of a large folio (<c>split_folio</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="head">The folio's first frame.</param>
    /// <returns>False where somebody beside the cache and page tables holds it, or it is one page.</returns>
    public bool TrySplit(CpuId cpu, Pfn head) => TrySplitFolio(cpu, head, Everywhere);

    // Splits a folio so that a page of it stands alone; the folio's first frame stays the first piece's.
    private bool TrySplitFolio(CpuId cpu, Pfn head, ulong splitAt)
    {
        int order = cache.OrderOf(head);
        ulong first = frames[head].Index;
        cache.ReverseMap?.UnmapRange(cpu, this, first, 1UL << order, includePrivateCopies: false);
        if (order == 0 || frames[head].RefCount != 1 << order || (frames[head].Flags & PageFlag.Writeback) != 0)
        {
            return false;
        }

        // By page: how large the piece is that starts there. Stored last to first, as the frames are carved.
        cache.Pages.Lru.Remove(head);
        ulong flags = frames[head].Flags & KeptBySplit;
        ulong memcg = frames[head].MemcgData;
        index.Erase(cpu, first);
        if (!TryStorePieces(cpu, head, first, order, splitAt))
        {
            // The nodes that were just freed are there to be taken again.
            _ = index.TryStore(cpu, first, order, EntryOf(head));
            RestoreMarks(first, flags);
            cache.Pages.Lru.PutBack(head);
            return false;
        }

        for (ulong end = first + (1UL << order); end > first;)
        {
            int pieceOrder = PieceOrderBefore(end, first, order, splitAt);
            ulong start = end - (1UL << pieceOrder);
            CarvePiece(head + (uint)(start - first), start, pieceOrder, flags, memcg);
            end = start;
        }

        DropPiecesBeyondEnd(cpu, first + (1UL << order));
        return true;
    }

    // What of the folio lay beyond the end of the file goes.
    private void DropPiecesBeyondEnd(CpuId cpu, ulong end)
    {
        for (ulong at = LengthPages; at < end;)
        {
            if (!TryFindFolio(at, out Pfn head))
            {
                return;
            }

            ulong next = NextPageOf(head);
            if (frames[head].Index >= LengthPages)
            {
                RemoveFolio(cpu, head);
            }

            at = next;
        }
    }

    private bool TryStorePieces(CpuId cpu, Pfn head, ulong first, int order, ulong splitAt)
    {
        ulong last = first + (1UL << order);
        for (ulong end = last; end > first;)
        {
            int pieceOrder = PieceOrderBefore(end, first, order, splitAt);
            ulong start = end - (1UL << pieceOrder);
            if (index.TryStore(cpu, start, pieceOrder, EntryOf(head + (uint)(start - first))) != PageIndexResult.Done)
            {
                for (ulong done = last; done > end;)
                {
                    done -= 1UL << PieceOrderBefore(done, first, order, splitAt);
                    index.Erase(cpu, done);
                }

                return false;
            }

            end = start;
        }

        return true;
    }

    // The order of the piece that ends before a page. Linux 6.18 halves the part with the page to split at again and again:
    // each other half stays whole. A half's order is that of the highest bit in which its pages differ from that page.
    private int PieceOrderBefore(ulong end, ulong first, int order, ulong splitAt)
    {
        if (cache.Options.Release == KernelRelease.Linux69 || splitAt == Everywhere)
        {
            return 0;
        }

        ulong differs = (end - 1 - first) ^ (splitAt - first);
        return differs == 0 ? 0 : Math.Min(BitOperations.Log2(differs), order - 1);
    }

    private void CarvePiece(Pfn pfn, ulong first, int order, ulong flags, ulong memcg)
    {
        cache.Pages.CarveBlock(pfn, new Order(order));
        ref Frame frame = ref frames[pfn];
        frame.Mapping = Tag;
        frame.Index = first;
        frame.MapCount = 0;
        frame.RefCount = 1 << order;
        frame.Flags = flags | (order > 0 ? PageFlag.Head : 0);
        frame.MemcgData = memcg;
        RestoreMarks(first, flags);
        cache.Pages.Lru.PutBack(pfn);
    }

    private void RestoreMarks(ulong first, ulong flags)
    {
        if ((flags & PageFlag.Dirty) != 0 && !IsShmem)
        {
            index.SetMark(first, PageMark.Dirty);
        }
    }
}
