using Engine.Core.PerCpu;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>What the <c>/proc</c> files and reports read. No CPU may be acting meanwhile.</content>
public sealed unsafe partial class PageAllocator
{
    /// <summary>How many CPUs have lists.</summary>
    public int CpuCount => cpuCount;

    /// <summary>Counts a zone's free blocks by walking its maps.</summary>
    /// <param name="zone">One of <see cref="Zones"/>.</param>
    /// <param name="byTypeAndOrder">Gets the counts: type × order, <see cref="MigrateTypes.Count"/> × <see cref="Order.Count"/>.</param>
    public static void CountFreeBlocks(Zone zone, Span<long> byTypeAndOrder)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(byTypeAndOrder.Length, MigrateTypes.Count * Order.Count, nameof(byTypeAndOrder));
        zone.Area.CountBlocks(byTypeAndOrder);
    }

    /// <summary>Counts a zone's pageblocks by migrate type.</summary>
    /// <param name="zone">One of <see cref="Zones"/>.</param>
    /// <param name="byType">Gets the counts, <see cref="MigrateTypes.Count"/> of them.</param>
    public static void CountPageBlocks(Zone zone, Span<long> byType)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(byType.Length, MigrateTypes.Count, nameof(byType));
        zone.Area.CountPageBlocks(byType);
    }

    /// <summary>One CPU's lists of one zone.</summary>
    public PerCpuReport GetPerCpuReport(Zone zone, CpuId cpu)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(cpu.Value, cpuCount, nameof(cpu));
        PerCpuState* state = lists[(cpu.Value * zones.Length) + zone.Index].State;
        return new PerCpuReport(state->Count, state->High, state->Batch, state->HighMin, state->HighMax);
    }

    /// <summary>What happened in one zone since boot, all CPUs together.</summary>
    public ZoneReport GetZoneReport(Zone zone)
    {
        ulong allocations = 0;
        ulong allocatedPages = 0;
        ulong freedPages = 0;
        ulong misses = 0;
        ulong foreign = 0;
        ulong other = 0;
        long refilled = 0;
        long drained = 0;
        for (int cpu = 0; cpu < cpuCount; cpu++)
        {
            PerCpuPages pages = lists[(cpu * zones.Length) + zone.Index];
            PerCpuState* state = pages.State;
            for (int order = 0; order < Order.Count; order++)
            {
                allocations += (ulong)state->Allocated[order];
                allocatedPages += (ulong)state->Allocated[order] << order;
                freedPages += (ulong)CountFrees(pages, order) << order;
                refilled += state->NetRefilled[order];
            }

            misses += (ulong)state->NumaMiss;
            foreign += (ulong)state->NumaForeign;
            other += (ulong)state->NumaOther;
            drained += state->Drained;
        }

        ZoneState* own = zone.State;
        return new ZoneReport(
            allocations, allocatedPages, freedPages, misses, foreign, other, (ulong)Math.Max(0, refilled + drained), (ulong)drained, (ulong)own->ZoneLocked,
            (ulong)own->ExtFrag, (ulong)own->ExtFragFragmenting, (ulong)own->ExtFragOwnership);
    }

    // Frees through the lists are not counted one by one: what lies on the lists came in by refills and frees, and leaves by allocations.
    private static long CountFrees(PerCpuPages pages, int order)
    {
        PerCpuState* state = pages.State;
        long listed = 0;
        if ((ListedOrders >> order & 1) != 0)
        {
            int types = order == Order.PageBlockValue ? 1 : MigrateTypes.PerCpuCount;
            for (int type = 0; type < types; type++)
            {
                listed += pages.Enumerate(PerCpuPages.ListOf(order, type)).LongCount();
            }
        }

        long taken = state->Allocated[order] - state->AllocatedElsewhere[order];
        return listed - state->NetRefilled[order] + taken + state->FreedElsewhere[order];
    }
}
