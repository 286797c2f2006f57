using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <summary>
/// The steps of the slow path that others fill in: what Linux does when free memory is short (mm/page_alloc.c,
/// <c>__alloc_pages_slowpath</c>). They are called without any lock and may free pages on the CPU that allocates, and allocate.
/// </summary>
public interface IMemoryPressure
{
    /// <summary>Wakes the background reclaimer of a zone's node (<c>wakeup_kswapd</c>).</summary>
    /// <param name="zone">A zone that is short.</param>
    /// <param name="order">The order wanted.</param>
    /// <param name="gfp">The request's flags; none when a boosted watermark is the reason.</param>
    public void WakeKswapd(Zone zone, Order order, GfpFlags gfp);

    /// <summary>Reclaims pages on behalf of the allocating CPU (<c>__perform_reclaim</c>).</summary>
    /// <returns>Pages reclaimed; 0 is no progress.</returns>
    public ulong Reclaim(CpuId cpu, Order order, GfpFlags gfp);

    /// <summary>Pages that reclaim could free in a zone at best (<c>zone_reclaimable_pages</c>), for the decision to try again.</summary>
    public ulong CountReclaimable(Zone zone);

    /// <summary>Kills a process to free its memory (<c>out_of_memory</c>).</summary>
    /// <returns>Whether someone was killed, so that trying again makes sense.</returns>
    public bool KillProcess(CpuId cpu, Order order, GfpFlags gfp);
}
