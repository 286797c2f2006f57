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

    private readonly PageBlock* blocks;
    private readonly byte* states;
    private readonly uint firstPfn;
    private readonly uint frameCount;
    private readonly int cpuCount;
    private readonly bool checkPages;
    private readonly Zone[] zones;

    // By CPU and route: the lists of the zone that is tried first; null where the flags contradict each other.
    private readonly PerCpuPages?[] routes;

    // By route: the migrate type and the highest zone.
    private readonly byte[] routeTypes;
    private readonly byte[] routeZones;

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
    public bool TryAllocate(CpuId cpu, Order order, GfpFlags gfp, out Pfn pfn)
    {
        uint route = (uint)gfp & RouteMask;
        uint index = ((uint)cpu.Value << RouteShift) | route;
        if (index < (uint)routes.Length && (ListedOrders >> order.Value & 1) != 0)
        {
            PerCpuPages? pages = routes[index];
            if (pages is not null
                && pages.State->Inbox == 0
                && Zone.PassesFastMark(pages.ZoneState, order.Value, routeZones[route]))
            {
                ref PageStack list = ref pages.List(PerCpuPages.ListOf(order.Value, routeTypes[route]));
                if (list.Count != 0)
                {
                    uint taken = pages.Pop(ref list);
                    PerCpuState* state = pages.State;
                    state->Count -= 1 << order.Value;
                    state->FreeCount >>= 1;
                    if (TryHandOut(taken, FrameState.PerCpu, FrameState.Allocated, order.Value))
                    {
                        state->Allocated[order.Value]++;
                        pfn = new Pfn(taken);
                        if ((gfp & (GfpFlags.Zero | GfpFlags.Comp)) != 0)
                        {
                            Prepare(taken, order.Value, gfp);
                        }

                        return true;
                    }
                }
            }
        }

        return TryAllocateSlow(cpu, order, gfp, out pfn);
    }

    /// <summary>Gives a block back (<c>__free_pages</c>). A bad free is reported to <see cref="Log"/> and leaks the block.</summary>
    /// <param name="cpu">The CPU that acts; the block goes to its lists, whichever CPU allocated it.</param>
    /// <param name="pfn">The block's first frame.</param>
    /// <param name="order">The block's order, as it was allocated.</param>
    /// <exception cref="ArgumentOutOfRangeException">The machine has no such CPU.</exception>
    public void Free(CpuId cpu, Pfn pfn, Order order)
    {
        // A list takes the block when: the state is right, the order is listed, the type has lists, the list has room.
        uint index = unchecked(pfn.Value - firstPfn);
        if (index < frameCount && states[pfn.Value] == (FrameState.Allocated | order.Value) && (ListedOrders >> order.Value & 1) != 0
            && !checkPages)
        {
            // SAFETY: the frame lies within memory, so its pageblock has an entry.
            PageBlock* block = blocks + (pfn.Value >> Order.PageBlockValue);
            uint at = ((uint)cpu.Value * (uint)zones.Length) + block->ZonePlusOne - 1u;
            if (at < (uint)lists.Length && block->Type < MigrateTypes.PerCpuCount)
            {
                PerCpuPages pages = lists[at];
                ref PageStack list = ref pages.List(PerCpuPages.ListOf(order.Value, block->Type));
                if (pages.State->Inbox == 0 && pages.Push(ref list, pfn.Value))
                {
                    Retire(pfn.Value, FrameState.PerCpu);
                    CommitFree(pages, order.Value);
                    return;
                }
            }
        }

        FreeSlow(cpu, pfn, order);
    }

    /// <summary>Changes a block's state and makes its first descriptor an owner's: one reference, all else zero.</summary>
    /// <returns>False where the frame number or the state is not what it must be, which has been reported.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryHandOut(uint pfn, byte from, byte to, int order)
    {
        uint index = unchecked(pfn - firstPfn);
        if (index >= frameCount || states[pfn] != from)
        {
            return ReportBadList(pfn, from);
        }

        // SAFETY: index is below frameCount; states is biased to absolute frame numbers.
        states[pfn] = (byte)(to | order);
        Frames.ResetAllocated(index);
        return true;
    }

    /// <summary>Changes a block's state and takes the last reference from its first descriptor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Retire(uint pfn, byte to)
    {
        // SAFETY: the caller has checked the frame against frameCount.
        states[pfn] = to;
        Frames.ResetFree(unchecked(pfn - firstPfn));
    }
}
