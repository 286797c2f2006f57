// One attempt to find memory: each zone of the zonelist in turn, as far as its watermark allows
// (mm/page_alloc.c: get_page_from_freelist, __zone_watermark_ok, rmqueue).

using Engine.Core.Frames;
using Engine.Core.PerCpu;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>One attempt over the zonelist.</content>
public sealed unsafe partial class PageAllocator
{
    /// <summary>Whether a zone has enough for a block above a watermark (<c>zone_watermark_ok</c>).</summary>
    internal static bool IsWatermarkOk(Zone zone, int order, long mark, int highest, AllocFlags flags) =>
        IsWatermarkOk(zone, order, mark, highest, flags, zone.State->FreePages);

    /// <summary>Whether a zone would have enough for a block above a watermark (<c>__zone_watermark_ok</c>).</summary>
    /// <param name="zone">The zone.</param>
    /// <param name="order">The block's order.</param>
    /// <param name="mark">The watermark in pages, with its boost.</param>
    /// <param name="highest">The highest zone that the allocation may use.</param>
    /// <param name="flags">What opens the reserves.</param>
    /// <param name="free">The zone's free pages, or what they would be.</param>
    internal static bool IsWatermarkOk(Zone zone, int order, long mark, int highest, AllocFlags flags, long free)
    {
        ZoneState* state = zone.State;

        // The counters lie in the arena: damaged ones wrap.
        free = unchecked(free - ((1L << order) - 1));
        if ((flags & AllocFlags.Reserves) == 0)
        {
            free = unchecked(free - state->ReservedHighAtomic);
        }

        if ((flags & AllocFlags.Cma) == 0)
        {
            free = unchecked(free - state->FreeCmaPages);
        }

        long min = mark;
        if ((flags & AllocFlags.MinReserve) != 0)
        {
            min -= min / 2;
            min -= (flags & AllocFlags.NonBlock) != 0 ? min / 4 : 0;
        }

        min -= (flags & AllocFlags.Oom) != 0 ? min / 2 : 0;
        if (free <= unchecked(min + state->LowmemReserve[highest]))
        {
            return false;
        }

        if (order == 0)
        {
            return true;
        }

        uint orders = (uint)(state->TypeOrders[0] | state->TypeOrders[1] | state->TypeOrders[2]);
        orders |= (flags & AllocFlags.Cma) != 0 ? state->TypeOrders[(int)MigrateType.Cma] : 0u;
        orders |= (flags & (AllocFlags.HighAtomic | AllocFlags.Oom)) != 0 ? state->TypeOrders[(int)MigrateType.HighAtomic] : 0u;
        return orders >> order != 0;
    }

    // zone_watermark_fast(): order 0 with the reserve open ignores the boost, which must not fail an atomic allocation.
    private static bool IsWatermarkOkFast(Zone zone, int order, Watermark mark, AllocFlags flags, int highest)
    {
        if (IsWatermarkOk(zone, order, (long)zone.GetWatermark(mark), highest, flags))
        {
            return true;
        }

        return order == 0 && (flags & AllocFlags.MinReserve) != 0 && (flags & AllocFlags.WatermarkMask) == AllocFlags.WatermarkMin
            && zone.State->WatermarkBoost > 0 && IsWatermarkOk(zone, order, zone.State->Marks[(int)Watermark.Min], highest, flags);
    }

    /// <summary>Tries the zones of the request in turn (<c>get_page_from_freelist</c>).</summary>
    private bool TryFreelist(in AllocationRequest request, AllocFlags flags, out uint pfn)
    {
        while (true)
        {
            int localNode = -1;
            bool isRestarted = false;
            foreach (Zone zone in request.Route.Zones)
            {
                localNode = localNode < 0 ? zone.Node : localNode;
                if ((flags & AllocFlags.NoFragment) != 0 && zone.Node != localNode)
                {
                    // Rather mix types here than go to a remote node.
                    flags &= ~AllocFlags.NoFragment;
                    isRestarted = true;
                    break;
                }

                if (IsZoneUsable(zone, request, flags) && TryTake(zone, request, flags, out pfn))
                {
                    return true;
                }
            }

            if (!isRestarted)
            {
                if ((flags & AllocFlags.NoFragment) == 0)
                {
                    pfn = Pfn.None.Value;
                    return false;
                }

                flags &= ~AllocFlags.NoFragment;
            }
        }
    }

    private static bool IsZoneUsable(Zone zone, in AllocationRequest request, AllocFlags flags)
    {
        if ((zone.Flags & ZoneFlags.BelowHigh) == 0)
        {
            if (IsWatermarkOkFast(zone, request.Order, Watermark.High, flags, request.Route.Highest))
            {
                return true;
            }

            zone.SetBelowHigh(true);
        }

        return (flags & AllocFlags.NoWatermarks) != 0 || IsWatermarkOkFast(zone, request.Order, (Watermark)(flags & AllocFlags.WatermarkMask), flags, request.Route.Highest);
    }

    /// <summary>Takes a block from a zone: from the CPU's list where the order is listed, else from the free area (<c>rmqueue</c>).</summary>
    private bool TryTake(Zone zone, in AllocationRequest request, AllocFlags flags, out uint pfn)
    {
        PerCpuPages pages = lists[(request.Cpu * zones.Length) + zone.Index];
        bool isListed = (ListedOrders >> request.Order & 1) != 0;
        pages.State->FreeCount >>= isListed ? 1 : 0;
        bool isTaken = isListed
            ? TryTakeFromList(pages, request, flags, out pfn) || TryTakeFromArea(pages, request, flags, out pfn)
            : TryTakeFromArea(pages, request, flags, out pfn);
        if (!isTaken)
        {
            return false;
        }

        CountTaken(pages, request);
        TellKswapd(zone, flags);

        if ((flags & AllocFlags.HighAtomic) != 0)
        {
            ReserveHighAtomic(zone, pfn);
        }

        return true;
    }

    private const int BadEntriesMax = 64;

    private bool TryTakeFromList(PerCpuPages pages, in AllocationRequest request, AllocFlags flags, out uint pfn)
    {
        ref PageStack list = ref pages.List(PerCpuPages.ListOf(request.Order, (int)request.Route.Type));
        PerCpuState* state = pages.State;
        int bad = 0;
        while (!list.IsEmpty || Refill(pages, request.Order, request.Route.Type, flags) != 0)
        {
            pfn = pages.Pop(ref list);
            state->Count = unchecked(state->Count - (1 << request.Order));
            byte listed = (byte)(FrameState.PerCpu | request.Order);
            if ((!checkPages || !IsInState(pfn, listed) || CheckNew(pages.Zone, pfn, request.Order)) && TryHandOut(pfn, listed, request.Order))
            {
                state->Allocated[request.Order] = unchecked(state->Allocated[request.Order] + 1);
                return true;
            }

            state->NetRefilled[request.Order] = unchecked(state->NetRefilled[request.Order] - 1);
            if (++bad > BadEntriesMax)
            {
                // The list leads through garbage; it starts anew, and the free area serves.
                _ = pages.Broken(ref list);
                break;
            }
        }

        pfn = Pfn.None.Value;
        return false;
    }

    private bool IsInState(uint pfn, byte state) => unchecked(pfn - firstPfn) < frameCount && states[pfn] == state;

    private bool TryTakeFromArea(PerCpuPages pages, in AllocationRequest request, AllocFlags flags, out uint pfn)
    {
        // A block that turns out to be bad leaks, and the next one is taken.
        do
        {
            if (TakeFromArea(pages.Zone, request, flags, out pfn) == 0)
            {
                return false;
            }
        }
        while (checkPages && IsInState(pfn, FrameState.Free) && !CheckNew(pages.Zone, pfn, request.Order));

        if (!TryHandOut(pfn, FrameState.Free, request.Order))
        {
            return false;
        }

        pages.State->Allocated[request.Order] = unchecked(pages.State->Allocated[request.Order] + 1);
        pages.State->AllocatedElsewhere[request.Order] = unchecked(pages.State->AllocatedElsewhere[request.Order] + 1);
        return true;
    }

    // rmqueue_buddy()
    private int TakeFromArea(Zone zone, in AllocationRequest request, AllocFlags flags, out uint pfn)
    {
        uint taken = Pfn.None.Value;
        zone.Acquire();
        int got = 0;
        if ((flags & AllocFlags.HighAtomic) != 0)
        {
            got = zone.Area.Take((int)MigrateType.HighAtomic, request.Order, &taken, 1);
        }

        if (got == 0)
        {
            got = TakeBlocks(zone, request.Order, request.Route.Type, flags, &taken, 1);
        }

        // An OOM victim that fails now is worse than a high-order atomic allocation that fails later.
        if (got == 0 && (flags & AllocFlags.Oom) != 0)
        {
            got = zone.Area.Take((int)MigrateType.HighAtomic, request.Order, &taken, 1);
        }

        zone.Release();
        pfn = taken;
        return got;
    }

    // zone_statistics(), for what is not local and as preferred.
    private void CountTaken(PerCpuPages pages, in AllocationRequest request)
    {
        Zone preferred = request.Route.Preferred!;
        if (pages.Zone.Node != preferred.Node)
        {
            pages.State->NumaMiss = unchecked(pages.State->NumaMiss + 1);
            lists[(request.Cpu * zones.Length) + preferred.Index].State->NumaForeign = unchecked(lists[(request.Cpu * zones.Length) + preferred.Index].State->NumaForeign + 1);
        }

        if (pages.Zone.Node != cpuNodes[request.Cpu])
        {
            pages.State->NumaOther = unchecked(pages.State->NumaOther + 1);
        }
    }
}
