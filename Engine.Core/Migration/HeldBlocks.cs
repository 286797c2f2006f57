using Engine.Core.Buddy;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Migration;

/// <summary>Free blocks that compaction has taken out of the free area to move pages into (<c>compact_control.freepages</c>).</summary>
internal sealed class HeldBlocks
{
    private readonly PageAllocator allocator;
    private readonly Stack<Pfn>[] byOrder = [.. Enumerable.Range(0, Order.Count).Select(_ => new Stack<Pfn>())];

    public HeldBlocks(PageAllocator allocator) => this.allocator = allocator;

    /// <summary>Whether a block of the order can be taken.</summary>
    public bool Has(int order)
    {
        for (int k = order; k < Order.Count; k++)
        {
            if (byOrder[k].Count != 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Takes a block; a larger one is split, its upper halves stay held. <see cref="Has"/> was true.</summary>
    public Pfn Take(int order)
    {
        int k = order;
        while (byOrder[k].Count == 0)
        {
            k++;
        }

        Pfn pfn = byOrder[k].Pop();
        while (k > order)
        {
            k--;
            Pfn upper = pfn + (1u << k);
            allocator.MarkHeld(upper);
            byOrder[k].Push(upper);
        }

        return pfn;
    }

    /// <summary>Takes free blocks of a pageblock, from its start, until enough pages are held or the watermark forbids more.</summary>
    /// <returns>Pages taken.</returns>
    public int CollectPageBlock(Zone zone, int number, int wantedOrder, int enough)
    {
        int taken = 0;
        uint end = (uint)(number + 1) << Order.PageBlockValue;
        zone.Acquire();
        for (uint pfn = (uint)number << Order.PageBlockValue; pfn < end && taken < enough;)
        {
            int order = zone.Area.BlockAt(pfn);
            if (order < 0)
            {
                pfn++;
                continue;
            }

            long mark = zone.Watermarks.Min + (1L << order);
            if ((wantedOrder >= 0 && order >= wantedOrder)
                || !PageAllocator.IsWatermarkOk(zone, 0, mark, (int)zone.Type, AllocFlags.Cma))
            {
                break;
            }

            zone.Area.ClaimRange(pfn, pfn + (1u << order));
            allocator.MarkHeld(new Pfn(pfn));
            byOrder[order].Push(new Pfn(pfn));
            taken += 1 << order;
            pfn += 1u << order;
        }

        zone.Release();
        return taken;
    }

    /// <summary>Puts everything back into the free area.</summary>
    public void PutBack(Zone zone)
    {
        for (int order = 0; order < Order.Count; order++)
        {
            while (byOrder[order].TryPop(out Pfn pfn))
            {
                allocator.ReleaseHeld(zone, pfn, order);
            }
        }
    }
}
