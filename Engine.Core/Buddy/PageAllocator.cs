// The page allocator: zones, per-CPU page lists, and the rules by which a request finds its memory.
//
// The fast path of an allocation: the request's flags name a zone and a type (one table), the zone's free memory passes the
// watermarks (one compare), the CPU's list gives its top. The fast path of a free: the frame's state says that this block is
// allocated with this order, the pageblock says which zone and type, the CPU's list takes it. No lock and no atomic on either;
// everything else is behind a call that is not inlined, in three steps: Listed (any order that has lists, still without a
// call), FromLists and ToLists (with refill and drain), Slow (all that Linux does).
//
// Parts: Boot (what the arena holds), Freelist (get_page_from_freelist, watermarks), SlowPath (the order of steps when memory is
// short), Lists (refill, tuning), Return and Drain (back to the free area), BadPage, Verify, and more.

using System.Runtime.CompilerServices;
using Engine.Core.Arena;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.PerCpu;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <summary>The page allocator's public face.</summary>
public sealed unsafe partial class PageAllocator
{
    // The flag bits that decide zone and type: DMA, HIGHMEM, DMA32, MOVABLE, RECLAIMABLE.
    private const uint RouteMask = 0x1f;
    private const int RouteShift = 5;

    // Bit k: blocks of order k are kept on per-CPU lists (pcp_allowed_order).
    private const uint ListedOrders = 0xf | (1u << Order.PageBlockValue);

    // All three are biased: an absolute pageblock or frame number indexes them.
    private readonly PageBlock* blocks;
    private readonly byte* states;
    private readonly Frame* descriptors;
    private readonly uint firstPfn;
    private readonly uint frameCount;
    private readonly int cpuCount;
    private readonly bool checkPages;
    private readonly Zone[] zones;

    // By CPU and route; empty where every allocation is to be checked in full.
    private readonly FastRoute[] routes;

    // By CPU; empty where every free is.
    private readonly LastFreeRoute[] freeRoutes;

    // By CPU and zone.
    private readonly PerCpuPages[] lists;

    /// <summary>The memory whose frames are managed.</summary>
    public PhysicalMemory Memory { get; }

    /// <summary>The frames' descriptors.</summary>
    public FrameTable Frames { get; }

    /// <summary>Where bad frees are reported.</summary>
    public CorruptionLog Log { get; }

    /// <summary>As given at boot.</summary>
    public PageAllocatorOptions Options { get; }

    /// <summary>The zones, by node and then by type.</summary>
    public IReadOnlyList<Zone> Zones => zones;

    /// <summary>Takes a block of frames, aligned to its size (<c>__alloc_pages</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="order">The block's size.</param>
    /// <param name="gfp">Where from, and what may be done to get it.</param>
    /// <param name="pfn">The first frame; <see cref="Pfn.None"/> when there is none.</param>
    /// <returns>False where no memory could be had; nothing has changed then.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The machine has no such CPU.</exception>
    /// <exception cref="ArgumentException">The flags contradict each other.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryAllocate(CpuId cpu, Order order, GfpFlags gfp, out Pfn pfn)
    {
        // A single frame from the middle of a list. Everything is looked at before anything changes, and whatever is out of the
        // ordinary is left to the full path, which looks again. Inlined, because a call costs half as much as all this.
        FastRoute[] all = routes;
        uint index = ((uint)cpu.Value << RouteShift) | ((uint)gfp & RouteMask);
        if (order.Value == 0 && index < (uint)all.Length)
        {
            ref readonly FastRoute route = ref all[index];
            PageStack* list = route.SingleFrames;
            uint top = list->Top;
            if (route.State->Inbox == 0 && route.ZoneState->FreePages > *route.Mark && PerCpuPages.IsInsideChunk(top) && top < route.EntryCount)
            {
                // SAFETY: top is below the number of entries; the frame number is checked before it is an index. Below a list's bottom
                // stands no frame's number.
                uint taken = route.Pool[top];
                byte* bytes = states;
                if (unchecked(taken - firstPfn) < frameCount && bytes[taken] == FrameState.PerCpu)
                {
                    PerCpuState* state = route.State;
                    list->Top = top - 1;
                    state->Count = unchecked(state->Count - 1);
                    state->FreeCount >>= 1;
                    state->Allocated[0] = unchecked(state->Allocated[0] + 1);
                    bytes[taken] = FrameState.Allocated;
                    FrameTable.ResetAllocated(descriptors + taken);
                    pfn = (gfp & GfpFlags.Zero) == 0 ? new Pfn(taken) : Prepare(taken, 0, gfp);
                    return true;
                }
            }
        }

        pfn = AllocateListed(cpu, order, gfp);
        return pfn != Pfn.None;
    }

    /// <summary>As <see cref="TryAllocate"/>, for every order that is listed.</summary>
    /// <returns>The first frame, or <see cref="Pfn.None"/>.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private Pfn AllocateListed(CpuId cpu, Order order, GfpFlags gfp)
    {
        // Nothing here has to survive a call: whatever is out of the ordinary is a jump.
        FastRoute[] all = routes;
        uint index = ((uint)cpu.Value << RouteShift) | ((uint)gfp & RouteMask);
        if (index < (uint)all.Length && (ListedOrders >> order.Value & 1) != 0 && (gfp & (GfpFlags.Zero | GfpFlags.Comp)) == 0)
        {
            ref readonly FastRoute route = ref all[index];
            if (Zone.PassesFastMark(route.ZoneState, order.Value, route.Mark) && route.State->Inbox == 0)
            {
                PageStack* list = &route.State->FirstList + PerCpuPages.ListOf(order.Value, route.Type);
                uint top = list->Top;
                if (PerCpuPages.IsInsideChunk(top) && top < route.EntryCount)
                {
                    // SAFETY: as in TryAllocate.
                    uint taken = route.Pool[top];
                    if (unchecked(taken - firstPfn) < frameCount && states[taken] == (FrameState.PerCpu | order.Value))
                    {
                        list->Top = top - 1;
                        PerCpuState* state = route.State;
                        state->Count = unchecked(state->Count - (1 << order.Value));
                        state->FreeCount >>= 1;
                        state->Allocated[order.Value] = unchecked(state->Allocated[order.Value] + 1);
                        states[taken] = (byte)(FrameState.Allocated | order.Value);
                        FrameTable.ResetAllocated(descriptors + taken);
                        return new Pfn(taken);
                    }
                }
            }
        }

        return AllocateFromLists(cpu, order, gfp);
    }

    /// <summary>As <see cref="AllocateListed"/>, at chunk's edges, with a refill, and from a zone that is not the first.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private Pfn AllocateFromLists(CpuId cpu, Order order, GfpFlags gfp)
    {
        uint index = ((uint)cpu.Value << RouteShift) | ((uint)gfp & RouteMask);
        FastRoute[] all = routes;
        if (index < (uint)all.Length && (ListedOrders >> order.Value & 1) != 0)
        {
            ref readonly FastRoute route = ref all[index];
            PerCpuPages? pages = route.Pages;
            if (pages is not null && !Zone.PassesFastMark(pages.ZoneState, order.Value, route.Mark))
            {
                pages = FindLists(cpu.Value, order.Value, gfp);
            }

            if (pages is not null && pages.State->Inbox == 0)
            {
                PerCpuState* state = pages.State;
                ref PageStack list = ref PerCpuPages.List(state, PerCpuPages.ListOf(order.Value, route.Type));

                // A refill that finds nothing is the full path's to make: each one raises the lists' limits.
                bool hasBlock = pages.ZoneState->TypeOrders[route.Type] >> order.Value != 0;
                if (!list.IsEmpty || (hasBlock && Refill(pages, order.Value, (MigrateType)route.Type, route.Flags | KswapdFlag(gfp)) != 0))
                {
                    uint taken = pages.Pop(ref list);
                    state->Count = unchecked(state->Count - (1 << order.Value));
                    state->FreeCount >>= 1;
                    if (TryHandOut(taken, (byte)(FrameState.PerCpu | order.Value), order.Value))
                    {
                        state->Allocated[order.Value] = unchecked(state->Allocated[order.Value] + 1);
                        return (gfp & (GfpFlags.Zero | GfpFlags.Comp)) == 0 ? new Pfn(taken) : Prepare(taken, order.Value, gfp);
                    }

                    state->NetRefilled[order.Value] = unchecked(state->NetRefilled[order.Value] - 1);
                }
            }
        }

        return AllocateSlow(cpu, order, gfp);
    }

    /// <summary>
    /// The lists of the first zone that a request may have, where the decision changes nothing: the zones before it are known to be below
    /// their high watermark and miss the low one. Null where the full path has to decide.
    /// </summary>
    private PerCpuPages? FindLists(int cpu, int order, GfpFlags gfp)
    {
        AllocationRoute route = FindRoute(cpuNodes[cpu], gfp);
        foreach (Zone zone in route.Zones)
        {
            ZoneState* state = zone.State;
            if (zone.Node != cpuNodes[cpu])
            {
                return null;
            }

            if (!Zone.PassesFastMark(state, order, &state->FastMark[0] + route.Highest))
            {
                if ((state->Flags & (int)ZoneFlags.BelowHigh) == 0)
                {
                    return null;
                }

                if (!IsWatermarkOk(zone, order, (long)zone.GetWatermark(Watermark.Low), route.Highest, route.FastFlags))
                {
                    continue;
                }
            }

            return lists[(cpu * zones.Length) + zone.Index];
        }

        return null;
    }

    /// <summary>Gives a block back (<c>__free_pages</c>). A bad free is reported to <see cref="Log"/> and leaks the block.</summary>
    /// <param name="cpu">The CPU that acts; the block goes to its lists, whichever CPU allocated it.</param>
    /// <param name="pfn">The block's first frame.</param>
    /// <param name="order">The block's order, as it was allocated.</param>
    /// <exception cref="ArgumentOutOfRangeException">The machine has no such CPU.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Free(CpuId cpu, Pfn pfn, Order order)
    {
        // A single frame to the middle of a list that is below its limit; the rest as in TryAllocate. Each condition loads what it
        // needs, so that little has to stay in registers.
        uint frame = pfn.Value;
        LastFreeRoute[] all = freeRoutes;
        if (order.Value == 0 && unchecked(frame - firstPfn) < frameCount && (uint)cpu.Value < (uint)all.Length && states[frame] == FrameState.Allocated)
        {
            // SAFETY: the frame lies within memory, so its pageblock has an entry.
            FrameTable.Prefetch(descriptors + frame);
            ref readonly FreeRoute route = ref all[cpu.Value].Value;
            PerCpuState* state = route.State;
            if (route.Key == blocks[frame >> Order.PageBlockValue].ZoneAndType && state->Pending == 0 && (route.ZoneState->Flags & ShrinkFlags) == 0)
            {
                PageStack* list = route.SingleFrames;
                uint top = unchecked(list->Top + 1);
                int count = unchecked(state->Count + 1);
                if (PerCpuPages.IsInsideChunk(top) && top < route.EntryCount && count < state->High)
                {
                    route.Pool[top] = frame;
                    list->Top = top;
                    state->Count = count;
                    CountFree(state, 1);
                    states[frame] = FrameState.PerCpu;
                    FrameTable.ResetFree(descriptors + frame);
                    return;
                }
            }
        }

        FreeListed(cpu, pfn, order);
    }

    /// <summary>As <see cref="Free"/>, for every order that is listed.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void FreeListed(CpuId cpu, Pfn pfn, Order order)
    {
        uint frame = pfn.Value;
        LastFreeRoute[] all = freeRoutes;
        if (unchecked(frame - firstPfn) < frameCount && states[frame] == (FrameState.Allocated | order.Value)
            && (ListedOrders >> order.Value & 1) != 0 && (uint)cpu.Value < (uint)all.Length)
        {
            // SAFETY: as in Free.
            FrameTable.Prefetch(descriptors + frame);
            ref readonly FreeRoute route = ref all[cpu.Value].Value;
            PerCpuState* state = route.State;
            if (route.Key == blocks[frame >> Order.PageBlockValue].ZoneAndType && (state->Inbox | state->AllocFactor) == 0
                && (route.ZoneState->Flags & ShrinkFlags) == 0)
            {
                int count = unchecked(state->Count + (1 << order.Value));
                PageStack* list = &state->FirstList + PerCpuPages.ListOf(order.Value, PageBlock.TypeOf(route.Key));
                uint top = unchecked(list->Top + 1);
                if (count < state->High && (IsHighOrder(order.Value) == 0 || state->FreeCount < state->FreeRunMin || count < state->FreeHighMin)
                    && PerCpuPages.IsInsideChunk(top) && top < route.EntryCount)
                {
                    route.Pool[top] = frame;
                    list->Top = top;
                    state->Count = count;
                    NoteOrder(state, IsHighOrder(order.Value));
                    CountFree(state, 1 << order.Value);
                    states[frame] = (byte)(FrameState.PerCpu | order.Value);
                    FrameTable.ResetFree(descriptors + frame);
                    return;
                }
            }
        }

        FreeToLists(cpu, pfn, order);
    }

    /// <summary>As <see cref="FreeListed"/>, at chunk's edges, at the limit, and to other lists than before.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void FreeToLists(CpuId cpu, Pfn pfn, Order order)
    {
        // A list takes the block when: the state is right, the order is listed, the type has lists, the list has room.
        uint frame = pfn.Value;
        LastFreeRoute[] all = freeRoutes;
        if (unchecked(frame - firstPfn) < frameCount && states[frame] == (FrameState.Allocated | order.Value)
            && (ListedOrders >> order.Value & 1) != 0 && (uint)cpu.Value < (uint)all.Length)
        {
            // SAFETY: as in Free.
            ushort key = blocks[frame >> Order.PageBlockValue].ZoneAndType;
            uint zone = PageBlock.ZoneOf(key);
            int type = PageBlock.TypeOf(key);
            if (zone < (uint)zones.Length && type < MigrateTypes.PerCpuCount)
            {
                PerCpuPages pages = lists[(cpu.Value * zones.Length) + (int)zone];
                PerCpuState* state = pages.State;
                if (state->Inbox == 0 && pages.Push(ref PerCpuPages.List(state, PerCpuPages.ListOf(order.Value, type)), frame))
                {
                    if (all[cpu.Value].Value.Key != key)
                    {
                        all[cpu.Value].Value = new FreeRoute(pages, type);
                    }

                    states[frame] = (byte)(FrameState.PerCpu | order.Value);
                    FrameTable.ResetFree(descriptors + frame);
                    CommitFree(pages, state, order.Value, type);
                    return;
                }
            }
        }

        FreeSlow(cpu, pfn, order);
    }

    /// <summary>Makes a block an owner's: its state, and its first descriptor with one reference and all else zero.</summary>
    /// <returns>False where the frame number or the state is not what it must be, which has been reported.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryHandOut(uint pfn, byte from, int order)
    {
        if (unchecked(pfn - firstPfn) >= frameCount || states[pfn] != from)
        {
            return ReportBadList(pfn, from);
        }

        // SAFETY: the frame number has just been checked.
        states[pfn] = (byte)(FrameState.Allocated | order);
        FrameTable.ResetAllocated(descriptors + pfn);
        return true;
    }
}
