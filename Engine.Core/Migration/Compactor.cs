// Compaction: making a large free block by moving what is in the way (mm/compaction.c).
//
// Two scanners walk one zone towards each other. The migrate scanner goes up from the first pageblock and collects blocks in use
// that their owner can move; the free scanner comes down from the last pageblock and collects free blocks to move them into. When
// they meet, or when a block of the wanted order is free, the pass is over. Positions are kept from pass to pass.
//
// What the free scanner has collected is held: out of the free area, in no list, marked as such; what is left is put back.

using Engine.Core.Buddy;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Migration;

/// <summary>Compacts zones.</summary>
internal sealed class Compactor
{
    // COMPACT_CLUSTER_MAX: how many pages are collected before they are moved.
    private const int ClusterPages = 32;
    private const int DeferShiftMax = 6;
    private const int CostlyOrder = 3;

    private readonly PageAllocator allocator;
    private readonly HeldBlocks held;

    public Compactor(PageAllocator allocator)
    {
        this.allocator = allocator;
        held = new HeldBlocks(allocator);
    }

    /// <summary>What was done so far.</summary>
    public CompactionCounters Counters { get; } = new();

    /// <summary>Compacts one zone until a block of the order is free for a type, or the scanners meet (<c>compact_zone</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="zone">The zone.</param>
    /// <param name="order">The order wanted; -1 compacts the whole zone (<c>compact_memory</c>).</param>
    /// <param name="type">The type wanted.</param>
    /// <param name="highest">The highest zone that the allocation may use.</param>
    /// <param name="flags">Which watermark the allocation looks at, and what opens the reserves to it.</param>
    /// <param name="mode">How far to go.</param>
    public CompactResult Run(CpuId cpu, Zone zone, int order, MigrateType type, int highest, AllocFlags flags, CompactMode mode)
    {
        if (order >= 0 && PageAllocator.IsWatermarkOkFor(zone, order, highest, flags))
        {
            return CompactResult.Success;
        }

        if (order >= 0 && !IsSuitable(zone, order, highest))
        {
            return CompactResult.Skipped;
        }

        ref ZoneScan scan = ref PageAllocator.ScanOf(zone);
        // Positions come from the arena: whatever is not a pair of pageblocks of this zone starts anew.
        bool isWholeZone = scan.MigrateBlock <= zone.Area.FirstBlock || scan.FreeBlock <= scan.MigrateBlock
            || scan.FreeBlock >= zone.Area.EndBlock || order < 0;
        if (isWholeZone)
        {
            scan.MigrateBlock = zone.Area.FirstBlock;
            scan.FreeBlock = zone.Area.EndBlock - 1;
        }

        CompactResult result = Scan(cpu, zone, ref scan, order, type, mode);
        held.PutBack(zone);
        return result;
    }

    /// <summary>Whether compaction has failed too lately to be tried again (<c>compaction_deferred</c>).</summary>
    public static bool IsDeferred(Zone zone, int order)
    {
        ref ZoneScan scan = ref PageAllocator.ScanOf(zone);
        if (order < scan.OrderFailed || scan.DeferShift == 0)
        {
            return false;
        }

        int limit = 1 << Math.Clamp(scan.DeferShift, 0, DeferShiftMax);
        scan.Considered = Math.Clamp(scan.Considered, 0, limit - 1) + 1;
        return scan.Considered < limit;
    }

    /// <summary>Remembers how a compaction ended (<c>defer_compaction</c>, <c>compaction_defer_reset</c>).</summary>
    public static void Remember(Zone zone, int order, bool isSuccess)
    {
        ref ZoneScan scan = ref PageAllocator.ScanOf(zone);
        scan.Considered = 0;
        if (isSuccess)
        {
            scan.DeferShift = 0;
            scan.OrderFailed = Math.Max(scan.OrderFailed, order + 1);
            return;
        }

        scan.DeferShift = Math.Min(Math.Clamp(scan.DeferShift, 0, DeferShiftMax) + 1, DeferShiftMax);
        scan.OrderFailed = Math.Min(scan.OrderFailed, order);
    }

    /// <summary>Whether a zone with so many free pages has room to move into (<c>__compaction_suitable</c>).</summary>
    public static bool HasRoom(Zone zone, int order, int highest, long free)
    {
        long gap = 2L << order;
        Watermark mark = order > CostlyOrder ? Watermark.Low : Watermark.Min;
        return PageAllocator.IsWatermarkOk(zone, 0, unchecked((long)zone.GetWatermark(mark) + gap), highest, AllocFlags.Cma, free);
    }

    // compaction_suitable(): room to move into, and for costly orders fragmentation rather than lack of memory.
    private static bool IsSuitable(Zone zone, int order, int highest)
    {
        if (!HasRoom(zone, order, highest, (long)Math.Min(zone.FreePages, long.MaxValue)))
        {
            return false;
        }

        if (order <= CostlyOrder)
        {
            return true;
        }

        int index = FragmentationIndex.Compute(order, zone.CountFreeBlocks());
        return index is < 0 or > FragmentationIndex.ThresholdDefault;
    }

    private CompactResult Scan(CpuId cpu, Zone zone, ref ZoneScan scan, int order, MigrateType type, CompactMode mode)
    {
        while (scan.MigrateBlock < scan.FreeBlock)
        {
            int number = scan.MigrateBlock++;
            if (IsSource(zone, number, type, mode, order))
            {
                MovePageBlock(cpu, zone, ref scan, number, order, mode);
            }

            if (order >= 0 && IsFinished(zone, order, type))
            {
                return CompactResult.Success;
            }
        }

        scan.MigrateBlock = zone.Area.FirstBlock;
        scan.FreeBlock = zone.Area.EndBlock - 1;
        return CompactResult.Complete;
    }

    // suitable_migration_source(): asynchronous passes stay within pageblocks of the type; movable ones are sources always.
    private static bool IsSource(Zone zone, int number, MigrateType type, CompactMode mode, int order)
    {
        ref PageBlock block = ref zone.Area[number];
        if (block.ZonePlusOne != zone.Index + 1 || block.Type == (byte)MigrateType.Isolate || block.Summary == FreeWord.WholePageBlock)
        {
            return false;
        }

        return mode != CompactMode.Async || order < 0
            || (type == MigrateType.Movable ? block.Type is (byte)MigrateType.Movable or (byte)MigrateType.Cma : block.Type == (byte)type);
    }

    // isolate_migratepages_block() and migrate_pages() in one: what can be moved is moved block by block.
    private void MovePageBlock(CpuId cpu, Zone zone, ref ZoneScan scan, int number, int order, CompactMode mode)
    {
        uint end = (uint)(number + 1) << Order.PageBlockValue;
        for (uint pfn = (uint)number << Order.PageBlockValue; pfn < end;)
        {
            Counters.MigrateScanned++;
            if (!allocator.TryGetMovable(new Pfn(pfn), mode, out Order blockOrder))
            {
                pfn += blockOrder.PageCount;
                continue;
            }

            if (SkipsOrder(blockOrder, order))
            {
                pfn += blockOrder.PageCount;
                continue;
            }

            if (!Collect(zone, ref scan, blockOrder.ToInt32(), order))
            {
                return;
            }

            Counters.Isolated += blockOrder.PageCount;
            MoveOne(cpu, new Pfn(pfn), blockOrder, mode);
            pfn += blockOrder.PageCount;
        }
    }

    // skip_isolation_on_order(): a block as large as what is wanted would need as large a place to move to. The whole zone's
    // compaction (order below 0) wants no size.
    private static bool SkipsOrder(Order blockOrder, int order) => blockOrder >= Order.PageBlock || (order > 0 && blockOrder.ToInt32() >= order);

    // unmap_and_move(), with compaction_alloc() and compaction_free() for the new block.
    private void MoveOne(CpuId cpu, Pfn from, Order order, CompactMode mode)
    {
        Pfn to = held.Take(order.ToInt32());
        allocator.UseHeld(to, order, allocator.IsCompound(from));
        bool isMoved = allocator.Migrator!.TryMove(cpu, from, to, order, mode);
        Counters.MigrateSuccess += isMoved ? order.PageCount : 0;
        Counters.MigrateFail += isMoved ? 0 : order.PageCount;
        allocator.FreeToArea(cpu, isMoved ? from : to, order);
    }

    // Makes sure that a held block of the order is at hand: isolate_freepages().
    private bool Collect(Zone zone, ref ZoneScan scan, int blockOrder, int order)
    {
        while (!held.Has(blockOrder))
        {
            if (scan.FreeBlock <= scan.MigrateBlock)
            {
                return false;
            }

            // The next look goes on in the same pageblock, until it gives nothing more.
            int number = scan.FreeBlock;
            bool isTarget = IsTarget(zone, number, order);
            int taken = isTarget ? held.CollectPageBlock(zone, number, order, Math.Max(ClusterPages, 1 << blockOrder)) : 0;
            Counters.Isolated += taken;
            if (taken == 0)
            {
                Counters.FreeScanned += isTarget ? 1 << Order.PageBlockValue : 0;
                scan.FreeBlock--;
            }
        }

        return true;
    }

    // suitable_migration_target(): movable or CMA, and not itself what is wanted.
    private static bool IsTarget(Zone zone, int number, int order)
    {
        ref PageBlock block = ref zone.Area[number];
        return block.ZonePlusOne == zone.Index + 1
            && block.Type is (byte)MigrateType.Movable or (byte)MigrateType.Cma
            && block.Summary != 0 && block.Summary != FreeWord.WholePageBlock
            && (order < 0 || (uint)block.Orders >> order == 0 || order > Order.PageBlockValue);
    }

    // compact_finished(): a block of the type, CMA's for movable, or one that may be claimed whole.
    private bool IsFinished(Zone zone, int order, MigrateType type)
    {
        if (zone.Area.FindOrder((int)type, order) >= 0
            || (type == MigrateType.Movable && zone.Area.FindOrder((int)MigrateType.Cma, order) >= 0))
        {
            return true;
        }

        for (int k = order; k <= Order.MaxValue; k++)
        {
            if (zone.Area.TryFindFallback(k, type, allocator.IsMobilityGroupingDisabled, out _, out bool canSteal) && canSteal)
            {
                return true;
            }
        }

        return false;
    }
}
