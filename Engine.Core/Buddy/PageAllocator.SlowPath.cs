// What is tried when the first look at the zones fails, step by step (mm/page_alloc.c, __alloc_pages_slowpath):
//  1. wake kswapd of every node in the list, look again down to the min watermark
//  2. large or unmovable blocks: compact without waiting, look again; a costly request that may not be retried ends here where that was not tried
//  3. loop: look with whatever reserves the flags open; give up where the caller may not reclaim; reclaim, then give up per-CPU lists
//     and high-atomic reserve; compact; decide whether trying again makes sense (PageAllocator.Retry)
//  4. kill a process; __GFP_NOFAIL goes on, everyone else fails
// Each step is a hook (IMemoryPressure, and Compactor) and makes no progress while nobody fills it in.

using System.Runtime.CompilerServices;
using Engine.Core.Migration;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>The slow path.</content>
public sealed unsafe partial class PageAllocator
{
    private const int CostlyOrder = 3;

    // NUMA_NO_NODE: the node of the CPU that acts.
    private const int NodeOfCaller = -1;

    /// <summary>What is done when memory is short; nothing at boot.</summary>
    public IMemoryPressure Pressure { get; set; } = NoMemoryPressure.Instance;

    /// <summary>Takes a block of frames of a NUMA node, or where that has none, of the nodes after it (<c>__alloc_pages_node</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="node">The node; <see cref="GfpFlags.ThisNode"/> allows no other.</param>
    /// <param name="order">The block's size.</param>
    /// <param name="gfp">Where from, and what may be done to get it.</param>
    /// <param name="pfn">The first frame; <see cref="Pfn.None"/> when there is none.</param>
    /// <returns>False where no memory could be had; nothing has changed then.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The machine has no such CPU or node.</exception>
    public bool TryAllocateOnNode(CpuId cpu, int node, Order order, GfpFlags gfp, out Pfn pfn)
    {
        if ((uint)node >= (uint)nodeCount)
        {
            throw new ArgumentOutOfRangeException(nameof(node), node, $"the machine has {nodeCount} NUMA nodes");
        }

        if ((uint)cpu.Value < (uint)cpuCount && node == cpuNodes[cpu.Value])
        {
            return TryAllocate(cpu, order, gfp, out pfn);
        }

        pfn = AllocateFrom(cpu, node, order, gfp);
        return pfn != Pfn.None;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private Pfn AllocateSlow(CpuId cpu, Order order, GfpFlags gfp) => AllocateFrom(cpu, NodeOfCaller, order, gfp);

    private Pfn AllocateFrom(CpuId cpu, int node, Order order, GfpFlags gfp)
    {
        if ((uint)cpu.Value >= (uint)cpuCount)
        {
            throw new ArgumentOutOfRangeException(nameof(cpu), cpu, $"the machine has {cpuCount} CPUs");
        }

        ServeInbox(cpu);
        AllocationRequest request = new(cpu.Value, order.Value, gfp, FindRoute(node == NodeOfCaller ? cpuNodes[cpu.Value] : node, gfp));
        if (order.Value > Order.MaxValue || request.Route.Preferred is null)
        {
            return Pfn.None;
        }

        AllocFlags flags = AllocFlags.WatermarkLow | request.Route.FastFlags | KswapdFlag(gfp);
        if (!TryFreelist(request, flags, out uint taken) && !TryHarder(request, out taken))
        {
            return Pfn.None;
        }

        return (gfp & (GfpFlags.Zero | GfpFlags.Comp)) == 0 ? new Pfn(taken) : Prepare(taken, order.Value, gfp);
    }

    // __GFP_KSWAPD_RECLAIM and ALLOC_KSWAPD are the same bit.
    private static AllocFlags KswapdFlag(GfpFlags gfp) => (AllocFlags)(gfp & GfpFlags.KswapdReclaim);

    private AllocationRoute FindRoute(int node, GfpFlags gfp)
    {
        AllocationRoute?[] from = (gfp & GfpFlags.ThisNode) != 0 ? localRoutes : nodeRoutes;
        return from[(node << RouteShift) | (int)((uint)gfp & RouteMask)]
            ?? throw new ArgumentException($"{gfp} asks for two zones, or for movable and reclaimable memory, at once", nameof(gfp));
    }

    // gfp_to_alloc_flags(). Types may mix from here on.
    private static AllocFlags SlowFlags(in AllocationRequest request)
    {
        GfpFlags gfp = request.Gfp;
        AllocFlags flags = AllocFlags.WatermarkMin | AllocFlags.Cpuset;
        flags |= (gfp & GfpFlags.High) != 0 ? AllocFlags.MinReserve : 0;
        flags |= KswapdFlag(gfp);
        if ((gfp & GfpFlags.DirectReclaim) == 0)
        {
            if ((gfp & GfpFlags.NoMemAlloc) == 0)
            {
                flags |= AllocFlags.NonBlock;
                flags |= request.Order > 0 ? AllocFlags.HighAtomic : 0;
            }

            if ((flags & AllocFlags.MinReserve) != 0)
            {
                flags &= ~AllocFlags.Cpuset;
            }
        }

        return flags | request.Route.SlowFlags;
    }

    // gfp_pfmemalloc_allowed(): who frees memory soon may have all of it, unless the request says that it does not want that.
    private static bool MayIgnoreWatermarks(GfpFlags gfp) => (gfp & (GfpFlags.MemAlloc | GfpFlags.NoMemAlloc)) == GfpFlags.MemAlloc;

    private bool TryHarder(in AllocationRequest request, out uint pfn)
    {
        GfpFlags gfp = request.Gfp;
        bool mayReclaim = (gfp & GfpFlags.DirectReclaim) != 0;
        bool mayCompact = Migrator is not null && (gfp & GfpFlags.Io) != 0;
        bool isCostly = request.Order > CostlyOrder;
        AllocFlags flags = SlowFlags(request);
        Retries retries = new();
        WakeKswapds(request);
        if (TryFreelist(request, flags, out pfn))
        {
            return true;
        }

        if (mayReclaim && mayCompact && !MayIgnoreWatermarks(gfp) && (isCostly || (request.Order > 0 && request.Route.Type != MigrateType.Movable)))
        {
            if (TryCompact(request, flags, CompactMode.Async, out CompactResult compacted, out pfn))
            {
                return true;
            }

            if (isCostly && (gfp & GfpFlags.NoRetry) != 0)
            {
                if (compacted is CompactResult.Skipped or CompactResult.Deferred)
                {
                    return false;
                }

                // Worth a try, but not worth waiting for.
                retries.Mode = CompactMode.Async;
            }
        }

        if (MayIgnoreWatermarks(gfp))
        {
            flags = AllocFlags.NoWatermarks | (flags & (AllocFlags.Cma | AllocFlags.Kswapd));
        }

        while (true)
        {
            WakeKswapds(request);
            if (TryFreelist(request, flags, out pfn))
            {
                return true;
            }

            if (!mayReclaim)
            {
                // Pages that this CPU has put off to free are memory as well.
                return FlushOwn(request) && TryFreelist(request, flags, out pfn);
            }

            if (TryReclaim(request, flags, isFirst: retries.Rounds++ == 0, out ulong progress, out pfn)
                || TryCompact(request, flags, retries.Mode, out CompactResult compacted, out pfn))
            {
                return true;
            }

            bool mayRetry = (gfp & GfpFlags.NoRetry) == 0 && !(isCostly && (!mayCompact || (gfp & GfpFlags.RetryMayFail) == 0));
            if (mayRetry && retries.Rounds < RoundsMax)
            {
                if (ShouldRetryReclaim(request, flags, progress != 0, ref retries)
                    || (progress != 0 && mayCompact && ShouldRetryCompact(request, compacted, ref retries)))
                {
                    continue;
                }

                if (TryKill(request, out pfn, out bool isKilled))
                {
                    return true;
                }

                if (isKilled)
                {
                    retries.Loops = 0;
                    continue;
                }
            }

            // Linux goes on for ever with __GFP_NOFAIL. Here a request that nothing helps comes to an end.
            if ((gfp & GfpFlags.NoFail) == 0 || TryFreelist(request, AllocFlags.MinReserve, out pfn) || retries.Rounds >= RoundsMax)
            {
                return pfn != Pfn.None.Value;
            }
        }
    }

    // wake_all_kswapds(): one zone a node.
    private void WakeKswapds(in AllocationRequest request)
    {
        if ((request.Gfp & GfpFlags.KswapdReclaim) == 0)
        {
            return;
        }

        int last = -1;
        foreach (Zone zone in request.Route.Zones)
        {
            if (zone.Node != last)
            {
                Pressure.WakeKswapd(zone, new Order(request.Order), request.Gfp);
                last = zone.Node;
            }
        }
    }

    // __alloc_pages_direct_reclaim()
    private bool TryReclaim(in AllocationRequest request, AllocFlags flags, bool isFirst, out ulong progress, out uint pfn)
    {
        CpuId cpu = new(request.Cpu);
        progress = Pressure.Reclaim(cpu, new Order(request.Order), request.Gfp);
        if (progress != 0)
        {
            if (TryFreelist(request, flags, out pfn))
            {
                return true;
            }

            _ = UnreserveHighAtomic(request, isForced: false);
        }
        else if (!isFirst)
        {
            pfn = Pfn.None.Value;
            return false;
        }

        // Linux gives up the lists only where something was reclaimed. Here pages may also be put off to free, or have been diced, which
        // no one else brings back: so once in any case.
        DrainAll(cpu);
        return TryFreelist(request, flags, out pfn);
    }

    // __alloc_pages_may_oom(): a last look at the high watermark, because someone may just have freed a lot.
    private bool TryKill(in AllocationRequest request, out uint pfn, out bool isKilled)
    {
        isKilled = false;
        if (TryFreelist(request, AllocFlags.WatermarkHigh | AllocFlags.Cpuset, out pfn))
        {
            return true;
        }

        if (request.Order > CostlyOrder || (request.Gfp & (GfpFlags.RetryMayFail | GfpFlags.ThisNode)) != 0 || request.Route.Highest < (int)ZoneType.Normal)
        {
            return false;
        }

        isKilled = Pressure.KillProcess(new CpuId(request.Cpu), new Order(request.Order), request.Gfp);
        return (request.Gfp & GfpFlags.NoFail) != 0 && TryFreelist(request, AllocFlags.NoWatermarks, out pfn);
    }
}
