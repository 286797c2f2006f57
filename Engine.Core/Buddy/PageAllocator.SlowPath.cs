// What is tried when the first look at the zones fails, step by step (mm/page_alloc.c, __alloc_pages_slowpath):
//  1. wake kswapd of every node in the list, look again down to the min watermark
//  2. large or unmovable blocks: compact, look again
//  3. loop: look with whatever reserves the flags open; give up where the caller may not reclaim;
//     reclaim, then once give up per-CPU lists and the high-atomic reserve; compact; decide whether trying again makes sense
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
    private const int ReclaimRetriesMax = 16;
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

    // gfp_to_alloc_flags()
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

        return flags | request.Route.FastFlags;
    }

    private bool TryHarder(in AllocationRequest request, out uint pfn)
    {
        GfpFlags gfp = request.Gfp;
        bool mayReclaim = (gfp & GfpFlags.DirectReclaim) != 0;
        bool isCostly = request.Order > CostlyOrder;
        AllocFlags flags = SlowFlags(request);
        WakeKswapds(request);
        if (TryFreelist(request, flags, out pfn))
        {
            return true;
        }

        if (mayReclaim && (isCostly || (request.Order > 0 && request.Route.Type != MigrateType.Movable)) && (gfp & GfpFlags.MemAlloc) == 0
            && TryCompact(request, flags, CompactMode.Async, out pfn))
        {
            return true;
        }

        if ((gfp & GfpFlags.MemAlloc) != 0)
        {
            flags |= AllocFlags.NoWatermarks;
        }

        for (int loops = 0; ;)
        {
            WakeKswapds(request);
            if (TryFreelist(request, flags & ~AllocFlags.NoFragment, out pfn))
            {
                return true;
            }

            if (!mayReclaim)
            {
                // Pages that this CPU has put off to free are memory as well.
                return FlushOwn(request) && TryFreelist(request, flags, out pfn);
            }

            ulong progress = Pressure.Reclaim(new CpuId(request.Cpu), new Order(request.Order), gfp);
            if (progress != 0 && TryFreelist(request, flags, out pfn))
            {
                return true;
            }

            if (loops == 0 && ReleaseReserves(request) && TryFreelist(request, flags, out pfn))
            {
                return true;
            }

            if (TryCompact(request, flags, CompactMode.SyncLight, out pfn))
            {
                return true;
            }

            if ((gfp & GfpFlags.NoRetry) != 0 || (isCostly && (gfp & GfpFlags.RetryMayFail) == 0))
            {
                return false;
            }

            loops = progress != 0 && !isCostly ? 0 : loops + 1;
            if (progress != 0 && loops <= ReclaimRetriesMax && WouldReclaimHelp(request, flags))
            {
                continue;
            }

            if (!TryKill(request, out pfn, out bool isKilled))
            {
                if (isKilled && loops <= ReclaimRetriesMax)
                {
                    loops++;
                    continue;
                }

                return (gfp & GfpFlags.NoFail) != 0 && TryFreelist(request, flags | AllocFlags.NoWatermarks, out pfn);
            }

            return true;
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

    // Once: what per-CPU lists, deferred frees and the high-atomic reserve hold is memory too.
    private bool ReleaseReserves(in AllocationRequest request)
    {
        UnreserveHighAtomic(request, isForced: false);
        DrainAll(new CpuId(request.Cpu));
        return true;
    }

    // should_reclaim_retry(): would the min watermark hold if everything reclaimable were free?
    private bool WouldReclaimHelp(in AllocationRequest request, AllocFlags flags)
    {
        foreach (Zone zone in request.Route.Zones)
        {
            long available = (long)zone.FreePages + (long)Pressure.CountReclaimable(zone);
            long needed = (long)zone.GetWatermark(Watermark.Min) + zone.State->LowmemReserve[request.Route.Highest] + (1L << request.Order);
            if (available > needed || (flags & AllocFlags.NoWatermarks) != 0)
            {
                return true;
            }
        }

        return false;
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
        return false;
    }
}
