// The page allocator: zones, per-CPU page lists, and the rules by which a request finds its memory.
//
// The fast path of an allocation: the request's flags name a zone and a type (one table), the zone's free memory passes the
// watermarks (one compare), the CPU's list gives its top. The fast path of a free: the frame's state says that this block is
// allocated with this order, the pageblock says which zone and type, the CPU's list takes it. No lock and no atomic on either;
// everything else is behind a call that is not inlined.
//
// Parts: Boot (what the arena holds), Allocate and Free (the fast paths), Freelist (get_page_from_freelist, watermarks),
// SlowPath (the order of steps when memory is short), Lists (refill, drain, tuning), BadPage, Verify, Reports.

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

    // By CPU and route.
    private readonly FastRoute[] routes;

    // By CPU; empty where every free is to be checked in full.
    private readonly FreeRoutes[] freeRoutes;

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
        // The frame number comes back in a register.
        pfn = Allocate(cpu, order, gfp);
        return pfn != Pfn.None;
    }

    /// <summary>The work of <see cref="TryAllocate"/>.</summary>
    /// <returns>The first frame, or <see cref="Pfn.None"/>.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private Pfn Allocate(CpuId cpu, Order order, GfpFlags gfp)
    {
        // A single frame from the middle of a list. Everything is looked at before anything changes, and whatever is out of the
        // ordinary is a jump to the full path, which looks again: so nothing here has to survive a call.
        uint index = ((uint)cpu.Value << RouteShift) | ((uint)gfp & RouteMask);
        FastRoute[] all = routes;
        if (order.Value == 0 && index < (uint)all.Length)
        {
            ref readonly FastRoute route = ref all[index];
            if (route.State != null && route.State->Inbox == 0 && route.ZoneState->FreePages > *route.Mark)
            {
                PageStack* list = route.SingleFrames;
                uint top = list->Top;
                if (PerCpuPages.IsInsideChunk(top) && unchecked(top + 1) != list->Bottom && top < route.EntryCount)
                {
                    // SAFETY: top is below the number of entries; the frame number is checked before it is an index.
                    uint taken = route.Pool[top];
                    if (unchecked(taken - firstPfn) < frameCount && states[taken] == FrameState.PerCpu)
                    {
                        list->Top = top - 1;
                        PerCpuState* state = route.State;
                        state->Count = unchecked(state->Count - 1);
                        state->FreeCount >>= 1;
                        state->Allocated[0]++;
                        states[taken] = FrameState.Allocated;
                        FrameTable.ResetAllocated(descriptors + taken);
                        return (gfp & GfpFlags.Zero) == 0 ? new Pfn(taken) : Prepare(taken, 0, gfp);
                    }
                }
            }
        }

        return AllocateListed(cpu, order, gfp);
    }

    /// <summary>As <see cref="Allocate"/>, for every order that is listed, at chunk's edges, and with a refill.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private Pfn AllocateListed(CpuId cpu, Order order, GfpFlags gfp)
    {
        uint index = ((uint)cpu.Value << RouteShift) | ((uint)gfp & RouteMask);
        FastRoute[] all = routes;
        if (index < (uint)all.Length && (ListedOrders >> order.Value & 1) != 0)
        {
            ref readonly FastRoute route = ref all[index];
            PerCpuPages? pages = route.Pages;
            if (pages is not null)
            {
                PerCpuState* state = pages.State;
                ref PageStack list = ref PerCpuPages.List(state, PerCpuPages.ListOf(order.Value, route.Type));
                if (state->Inbox == 0 && Zone.PassesFastMark(pages.ZoneState, order.Value, route.Mark)
                    && (!list.IsEmpty || Refill(pages, order.Value, (MigrateType)route.Type, route.Flags | KswapdFlag(gfp)) != 0))
                {
                    uint taken = pages.Pop(ref list);
                    state->Count = unchecked(state->Count - (1 << order.Value));
                    state->FreeCount >>= 1;
                    if (TryHandOut(taken, (byte)(FrameState.PerCpu | order.Value), order.Value))
                    {
                        state->Allocated[order.Value]++;
                        return (gfp & (GfpFlags.Zero | GfpFlags.Comp)) == 0 ? new Pfn(taken) : Prepare(taken, order.Value, gfp);
                    }

                    state->NetRefilled[order.Value]--;
                }
            }
        }

        return AllocateSlow(cpu, order, gfp);
    }

    /// <summary>Gives a block back (<c>__free_pages</c>). A bad free is reported to <see cref="Log"/> and leaks the block.</summary>
    /// <param name="cpu">The CPU that acts; the block goes to its lists, whichever CPU allocated it.</param>
    /// <param name="pfn">The block's first frame.</param>
    /// <param name="order">The block's order, as it was allocated.</param>
    /// <exception cref="ArgumentOutOfRangeException">The machine has no such CPU.</exception>
    public void Free(CpuId cpu, Pfn pfn, Order order)
    {
        // A single frame to the middle of a list that is below its limit; the rest as in TryAllocate.
        uint frame = pfn.Value;
        FreeRoutes[] all = freeRoutes;
        if (order.Value == 0 && unchecked(frame - firstPfn) < frameCount && states[frame] == FrameState.Allocated && (uint)cpu.Value < (uint)all.Length)
        {
            // SAFETY: the frame lies within memory, so its pageblock has an entry.
            FrameTable.Prefetch(descriptors + frame);
            PageBlock* block = blocks + (frame >> Order.PageBlockValue);
            ref readonly FreeRoute route = ref all[cpu.Value].Last;
            PerCpuState* state = route.State;
            if (route.Key == block->ZoneAndType && state->Inbox == 0 && IsPlainFree(state, route.ZoneState))
            {
                PageStack* list = route.SingleFrames;
                uint top = unchecked(list->Top + 1);
                if (PerCpuPages.IsInsideChunk(top) && top < route.EntryCount)
                {
                    route.Pool[top] = frame;
                    list->Top = top;
                    state->Count = unchecked(state->Count + 1);
                    CountFree(state, 1);
                    states[frame] = FrameState.PerCpu;
                    FrameTable.ResetFree(descriptors + frame);
                    return;
                }
            }
        }

        FreeListed(cpu, pfn, order);
    }

    /// <summary>As <see cref="Free"/>, for every order that is listed, at chunk's edges, and at the limit.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void FreeListed(CpuId cpu, Pfn pfn, Order order)
    {
        // A list takes the block when: the state is right, the order is listed, the type has lists, the list has room.
        uint frame = pfn.Value;
        FreeRoutes[] all = freeRoutes;
        if (unchecked(frame - firstPfn) < frameCount && states[frame] == (FrameState.Allocated | order.Value)
            && (ListedOrders >> order.Value & 1) != 0 && (uint)cpu.Value < (uint)all.Length)
        {
            // SAFETY: as in Free.
            FrameTable.Prefetch(descriptors + frame);
            ushort key = (blocks + (frame >> Order.PageBlockValue))->ZoneAndType;
            FreeRoutes ofCpu = all[cpu.Value];
            if (ofCpu.Last.Key == key || ofCpu.TryLearn(key))
            {
                ref readonly FreeRoute route = ref ofCpu.Last;
                PerCpuState* state = route.State;
                if (state->Inbox == 0 && route.Pages.Push(ref PerCpuPages.List(state, PerCpuPages.ListOf(order.Value, PageBlock.TypeOf(key))), frame))
                {
                    states[frame] = (byte)(FrameState.PerCpu | order.Value);
                    FrameTable.ResetFree(descriptors + frame);
                    CommitFree(route.Pages, state, order.Value, PageBlock.TypeOf(key));
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
