// How fragmented free memory is, from the counts of free blocks (mm/vmstat.c: __fragmentation_index, unusable_show_print,
// extfrag_for_order).

using Engine.Core.Units;

namespace Engine.Core.Migration;

/// <summary>Indexes of fragmentation, in thousandths or percent.</summary>
public static class FragmentationIndex
{
    /// <summary>Above this, compaction is worth its while for a costly order (<c>extfrag_threshold</c>).</summary>
    public const int ThresholdDefault = 500;

    /// <summary>
    /// Why a block of an order cannot be had: towards 0 for lack of memory, towards 1000 because of fragmentation; -1000 where it can.
    /// </summary>
    /// <param name="order">The order wanted.</param>
    /// <param name="freeBlocks">Free blocks by order, all types together, <see cref="Order.Count"/> of them.</param>
    public static int Compute(int order, ReadOnlySpan<long> freeBlocks)
    {
        Sum(order, freeBlocks, out long freePages, out long blocks, out long suitable);
        if (blocks == 0)
        {
            return 0;
        }

        return suitable != 0 ? -1000 : (int)(1000 - ((1000 + (freePages * 1000 / (1L << order))) / blocks));
    }

    /// <summary>How much of the free memory is of no use for an order: 0 all usable, 1000 none (<c>unusable_index</c>).</summary>
    /// <param name="order">The order wanted.</param>
    /// <param name="freeBlocks">As in <see cref="Compute"/>.</param>
    public static int ComputeUnusable(int order, ReadOnlySpan<long> freeBlocks)
    {
        Sum(order, freeBlocks, out long freePages, out _, out long suitable);
        return freePages == 0 ? 1000 : (int)((freePages - (suitable << order)) * 1000 / freePages);
    }

    // fill_contig_page_info(): suitable counts blocks of the wanted order within larger ones.
    private static void Sum(int order, ReadOnlySpan<long> freeBlocks, out long freePages, out long blocks, out long suitable)
    {
        freePages = 0;
        blocks = 0;
        suitable = 0;
        for (int k = 0; k < Order.Count; k++)
        {
            blocks += freeBlocks[k];
            freePages += freeBlocks[k] << k;
            suitable += k >= order ? freeBlocks[k] << (k - order) : 0;
        }
    }
}
