// Watermarks and what else boot derives from the zones' sizes (mm/page_alloc.c: __setup_per_zone_wmarks,
// calculate_min_free_kbytes, setup_per_zone_lowmem_reserve; mm/khugepaged.c: set_recommended_min_free_kbytes;
// mm/vmstat.c: calculate_normal_threshold). Pure formulas over page counts; every division is an integer division.

using System.Numerics;
using Engine.Core.Units;

namespace Engine.Core.Zones;

/// <summary>A zone's watermarks in pages, without the boost, and the formulas behind them.</summary>
/// <param name="Min">Below it only reserves are left (<c>WMARK_MIN</c>).</param>
/// <param name="Low">Below it kswapd is woken.</param>
/// <param name="High">Kswapd stops here.</param>
/// <param name="Promo">Kswapd stops here when it makes room for promotions between memory tiers.</param>
public readonly record struct Watermarks(uint Min, uint Low, uint High, uint Promo)
{
    /// <summary><c>watermark_boost_factor</c> at boot, in 1/10,000.</summary>
    public const uint BoostFactorDefault = 15000;

    /// <summary><c>watermark_scale_factor</c> at boot, in 1/10,000.</summary>
    public const uint ScaleFactorDefault = 10;

    /// <summary>The share of higher zones that a zone keeps for itself at boot (<c>lowmem_reserve_ratio</c>), by <see cref="ZoneType"/>.</summary>
    public static ReadOnlySpan<uint> LowmemReserveRatioDefault => [256, 256, 32, 0];

    /// <summary>The zone's watermarks (<c>__setup_per_zone_wmarks</c>, at boot from <c>init_per_zone_wmark_min</c>).</summary>
    /// <param name="type">The zone's kind: ZONE_MOVABLE has a min of its own.</param>
    /// <param name="managedPages">The zone's managed pages.</param>
    /// <param name="lowmemPages">Managed pages of all zones below ZONE_MOVABLE.</param>
    /// <param name="minFreeKilobytes"><c>vm.min_free_kbytes</c>.</param>
    /// <param name="scaleFactor"><c>vm.watermark_scale_factor</c>.</param>
    public static Watermarks Compute(ZoneType type, ulong managedPages, ulong lowmemPages, uint minFreeKilobytes, uint scaleFactor = ScaleFactorDefault)
    {
        ulong pagesMin = minFreeKilobytes >> (Pfn.PageShift - 10);
        ulong share = lowmemPages == 0 ? 0 : (ulong)((UInt128)pagesMin * managedPages / lowmemPages);
        ulong min = type == ZoneType.Movable ? Math.Clamp(managedPages / 1024, 32, 128) : share;
        ulong step = Math.Max(share >> 2, managedPages * scaleFactor / 10000);
        return new Watermarks((uint)min, (uint)(min + step), (uint)(min + (2 * step)), (uint)(min + (3 * step)));
    }

    /// <summary><c>min_free_kbytes</c> from the pages usable for buffers: 4 × √(kilobytes), 128 kB to 256 MiB.</summary>
    /// <param name="freeBufferPages">Σ (managed − high watermark) over the zones that GFP_USER may use (<c>nr_free_buffer_pages</c>).</param>
    public static uint ComputeMinFreeKilobytes(ulong freeBufferPages)
    {
        ulong kilobytes = freeBufferPages * (Pfn.PageSizeBytes >> 10);
        return (uint)Math.Clamp(IntegerSquareRoot(kilobytes * 16), 128, 262144);
    }

    /// <summary>What khugepaged raises <c>min_free_kbytes</c> to when huge pages are enabled, so that pageblocks of each type stay apart.</summary>
    /// <param name="populatedZones">Populated zones below ZONE_MOVABLE.</param>
    /// <param name="freeBufferPages">As in <see cref="ComputeMinFreeKilobytes"/>; five percent of it is the cap.</param>
    /// <param name="current">The value so far; it is never lowered.</param>
    public static uint RaiseForHugePages(int populatedZones, ulong freeBufferPages, uint current)
    {
        const ulong BlockPages = 1UL << Order.PageBlockValue;
        ulong recommended = BlockPages * (ulong)populatedZones * 2;
        recommended += BlockPages * (ulong)populatedZones * MigrateTypes.PerCpuCount * MigrateTypes.PerCpuCount;
        recommended = Math.Min(recommended, freeBufferPages / 20);
        return (uint)Math.Max(current, recommended << (Pfn.PageShift - 10));
    }

    /// <summary>How many pages a zone keeps from allocations that could have used a higher zone (<c>lowmem_reserve[]</c>).</summary>
    /// <param name="managedPages">Managed pages of the node's zones by <see cref="ZoneType"/>.</param>
    /// <param name="zone">The zone that keeps.</param>
    /// <param name="highest">The highest zone that the allocation may use.</param>
    /// <param name="ratios"><c>lowmem_reserve_ratio</c> by <see cref="ZoneType"/>.</param>
    public static ulong ComputeLowmemReserve(ReadOnlySpan<ulong> managedPages, ZoneType zone, ZoneType highest, ReadOnlySpan<uint> ratios)
    {
        uint ratio = ratios[(int)zone];
        if (ratio == 0 || managedPages[(int)zone] == 0)
        {
            return 0;
        }

        ulong above = 0;
        for (int i = (int)zone + 1; i <= (int)highest; i++)
        {
            above += managedPages[i];
        }

        return above / ratio;
    }

    /// <summary>How far a CPU's counter may differ from the zone's (<c>calculate_normal_threshold</c>), 0..125 pages.</summary>
    public static int ComputeStatThreshold(int cpuCount, ulong managedPages)
    {
        int memory = FindLastSet(managedPages >> (27 - Pfn.PageShift));
        return Math.Min(125, 2 * FindLastSet((ulong)cpuCount) * (1 + memory));
    }

    private static int FindLastSet(ulong value) => 64 - BitOperations.LeadingZeroCount(value);

    private static ulong IntegerSquareRoot(ulong value)
    {
        ulong root = (ulong)Math.Sqrt(value);
        while (root * root > value)
        {
            root--;
        }

        while ((root + 1) * (root + 1) <= value)
        {
            root++;
        }

        return root;
    }
}
