using Engine.Core.Frames;
using Engine.Core.Migration;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>Where allocation meets compaction.</content>
public sealed unsafe partial class PageAllocator
{
    // One compaction at a time: what it holds is in no list that others see.
    private readonly Lock compactionGate = new();
    private Compactor? compactor;

    /// <summary>How pages in use are moved; null leaves compaction without progress.</summary>
    public IPageMigrator? Migrator { get; set; }

    /// <summary>What compaction has done.</summary>
    public CompactionCounters Compaction => (compactor ??= new Compactor(this)).Counters;

    /// <summary>Compacts a zone whole (<c>/proc/sys/vm/compact_memory</c>), or until a block of an order is free.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="zone">The zone.</param>
    /// <param name="order">The order wanted; null compacts everything.</param>
    /// <param name="mode">How far to go.</param>
    public CompactResult Compact(CpuId cpu, Zone zone, Order? order = null, CompactMode mode = CompactMode.SyncFull)
    {
        if (Migrator is null)
        {
            return CompactResult.Skipped;
        }

        lock (compactionGate)
        {
            compactor ??= new Compactor(this);
            return compactor.Run(cpu, zone, order?.Value ?? -1, MigrateType.Movable, (int)zone.Type, AllocFlags.Cma, mode);
        }
    }

    /// <summary>How fragmented a zone is for an order, in thousandths; see <see cref="FragmentationIndex.Compute"/>.</summary>
    public static int GetFragmentationIndex(Zone zone, Order order) => FragmentationIndex.Compute(order.Value, zone.CountFreeBlocks());

    /// <summary>How much of a zone's free memory is of no use for an order, in thousandths.</summary>
    public static int GetUnusableIndex(Zone zone, Order order) => FragmentationIndex.ComputeUnusable(order.Value, zone.CountFreeBlocks());

    // __alloc_pages_direct_compact(), try_to_compact_pages()
    private bool TryCompact(in AllocationRequest request, AllocFlags flags, CompactMode mode, out CompactResult result, out uint pfn)
    {
        pfn = Pfn.None.Value;
        result = CompactResult.Skipped;
        if (Migrator is null || request.Order == 0 || (request.Gfp & GfpFlags.Io) == 0)
        {
            return false;
        }

        lock (compactionGate)
        {
            compactor ??= new Compactor(this);
            foreach (Zone zone in request.Route.Zones)
            {
                CompactResult one = mode != CompactMode.SyncFull && Compactor.IsDeferred(zone, request.Order)
                    ? CompactResult.Deferred
                    : compactor.Run(new CpuId(request.Cpu), zone, request.Order, request.Route.Type, request.Route.Highest, flags, mode);
                result = one > result ? one : result;
                if (one == CompactResult.Success)
                {
                    break;
                }

                if (one == CompactResult.Complete && mode != CompactMode.Async)
                {
                    Compactor.Remember(zone, request.Order, isSuccess: false);
                }
            }

            // Where every zone was skipped, no one has waited.
            if (result == CompactResult.Skipped)
            {
                return false;
            }

            compactor.Counters.Stall++;
            if (TryFreelist(request, flags, out pfn))
            {
                Compactor.Remember(FindZone(new Pfn(pfn)) ?? request.Route.Preferred!, request.Order, isSuccess: true);
                compactor.Counters.Success++;
                return true;
            }

            compactor.Counters.Fail++;
            return false;
        }
    }

    /// <summary>A zone's scan positions, in the arena.</summary>
    internal static ref ZoneScan ScanOf(Zone zone) => ref zone.State->Compaction;

    /// <summary>Whether an order can be had above the request's watermark, so that compacting is needless.</summary>
    internal static bool IsWatermarkOkFor(Zone zone, int order, int highest, AllocFlags flags) => order <= Order.MaxValue
        && IsWatermarkOk(zone, order, (long)zone.GetWatermark((Watermark)(flags & AllocFlags.WatermarkMask)), highest, flags);

    /// <summary>Whether a block in use begins at a frame and its owner can move it.</summary>
    /// <param name="pfn">The frame.</param>
    /// <param name="mode">How long the caller would wait.</param>
    /// <param name="order">The block's order; 0 where none begins there, so that a scanner goes on with the next frame.</param>
    internal bool TryGetMovable(Pfn pfn, CompactMode mode, out Order order)
    {
        order = Order.Zero;
        if (!Frames.IsInTable(pfn) || !FrameState.IsAllocated(states[pfn.Value]))
        {
            return false;
        }

        order = new Order(FrameState.OrderOf(states[pfn.Value]));
        return order < Order.PageBlock && Migrator!.CanMove(pfn, order, mode);
    }

    internal void MarkHeld(Pfn pfn) => states[pfn.Value] = FrameState.Held;

    /// <summary>Makes a held block an allocated one, to move something into it.</summary>
    internal void UseHeld(Pfn pfn, Order order, bool isCompound)
    {
        states[pfn.Value] = (byte)(FrameState.Allocated | order.Value);
        FrameTable.ResetAllocated(descriptors + pfn.Value);
        if (isCompound && order > Order.Zero)
        {
            states[pfn.Value] = (byte)(FrameState.Compound | order.Value);
            PrepareCompound(pfn.Value, order.Value);
        }
    }

    internal void ReleaseHeld(Zone zone, Pfn pfn, int order)
    {
        states[pfn.Value] = FrameState.Free;
        zone.Acquire();
        zone.Area.Put(pfn.Value, order);
        zone.Release();
    }

    /// <summary>Frees a block past the lists, as a scanner does that wants to see it merge.</summary>
    internal void FreeToArea(CpuId cpu, Pfn pfn, Order order)
    {
        if (!IsFreeable(pfn, order, out PerCpu.PerCpuPages? pages, cpu)
            || ((states[pfn.Value] & FrameState.Compound) == FrameState.Compound && !TryDissolve(pfn.Value, order.Value)))
        {
            return;
        }

        FrameTable.ResetFree(descriptors + pfn.Value);
        ReleaseHeld(pages.Zone, pfn, order.Value);
    }
}
