using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <summary>What the zone and type bits of a request's flags mean on one node; made at boot (<c>struct alloc_context</c>).</summary>
internal sealed class AllocationRoute
{
    /// <summary>Decodes the five flag bits that decide.</summary>
    /// <param name="gfp">DMA, HIGHMEM, DMA32, MOVABLE, RECLAIMABLE.</param>
    /// <param name="list">The node's zonelist.</param>
    /// <param name="isGroupingDisabled">Whether every allocation is unmovable.</param>
    /// <param name="isOneNode">Whether the machine has one NUMA node.</param>
    public AllocationRoute(GfpFlags gfp, IEnumerable<Zone> list, bool isGroupingDisabled, bool isOneNode)
    {
        _ = ZoneTypes.TryFromGfp(gfp, out ZoneType highest);
        Highest = (int)highest;
        Type = isGroupingDisabled ? MigrateType.Unmovable : MigrateTypes.FromGfp(gfp);
        Zones = [.. list.Where(zone => zone.Type <= highest)];
        Preferred = Zones.Length == 0 ? null : Zones[0];
        SlowFlags = Type == MigrateType.Movable ? AllocFlags.Cma : 0;
        FastFlags = SlowFlags;

        // ALLOC_NOFRAGMENT: rather a lower zone than mixing types in Normal. Among several nodes only where the node has such a zone in DMA32;
        // of a single node Linux assumes it (alloc_flags_nofragment).
        if (Preferred?.Type == ZoneType.Normal
            && (isOneNode || Array.Exists(Zones, zone => zone.Type == ZoneType.Dma32 && zone.Node == Preferred.Node)))
        {
            FastFlags |= AllocFlags.NoFragment;
        }
    }

    /// <summary>The migrate type.</summary>
    public MigrateType Type { get; }

    /// <summary>The highest zone allowed, as a number (<c>highest_zoneidx</c>).</summary>
    public int Highest { get; }

    /// <summary>The zones to try, in this order; none above <see cref="Highest"/>.</summary>
    public Zone[] Zones { get; }

    /// <summary>The zone that is tried first, or null where there is none.</summary>
    public Zone? Preferred { get; }

    /// <summary>What the first attempt may use, beside kswapd.</summary>
    public AllocFlags FastFlags { get; }

    /// <summary>What every later attempt may use for its type (<c>gfp_to_alloc_flags_cma</c>): there types may mix.</summary>
    public AllocFlags SlowFlags { get; }
}
