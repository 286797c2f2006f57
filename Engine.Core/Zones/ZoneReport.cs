namespace Engine.Core.Zones;

/// <summary>What happened in one zone since boot.</summary>
/// <param name="Allocations">Blocks handed out.</param>
/// <param name="AllocatedPages">Pages in them (<c>pgalloc_*</c>).</param>
/// <param name="FreedPages">Pages given back (<c>pgfree</c>).</param>
/// <param name="NumaMisses">Allocations that had preferred another node (<c>numa_miss</c>).</param>
/// <param name="NumaForeign">Allocations that preferred this node and went elsewhere (<c>numa_foreign</c>).</param>
/// <param name="NumaOther">Allocations by CPUs of other nodes (<c>numa_other</c>).</param>
/// <param name="Refilled">Blocks moved from the free area to per-CPU lists (<c>mm_page_alloc_zone_locked</c> with percpu_refill=1).</param>
/// <param name="Drained">Blocks moved from per-CPU lists to the free area (<c>mm_page_pcpu_drain</c>).</param>
/// <param name="ZoneLocked">Blocks taken from the free area under the zone's lock (<c>mm_page_alloc_zone_locked</c>).</param>
/// <param name="ExtFrag">Blocks taken from another type (<c>mm_page_alloc_extfrag</c>).</param>
/// <param name="ExtFragFragmenting">Of them, those smaller than a pageblock.</param>
/// <param name="ExtFragOwnership">Of them, those whose pageblock changed its type.</param>
public readonly record struct ZoneReport(
    ulong Allocations,
    ulong AllocatedPages,
    ulong FreedPages,
    ulong NumaMisses,
    ulong NumaForeign,
    ulong NumaOther,
    ulong Refilled,
    ulong Drained,
    ulong ZoneLocked,
    ulong ExtFrag,
    ulong ExtFragFragmenting,
    ulong ExtFragOwnership);
