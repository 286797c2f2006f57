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

    // Frees of an order: those past the lists, and by the lists' balance (in: frees and refills; out: allocations and drains).
    private static long CountFreed(PerCpuPages pages, int order)
    {
        PerCpuState* state = pages.State;
        long onLists = 0;
        for (int list = 0; list < PerCpuState.ListCount; list++)
        {
            onLists += PerCpuPages.OrderOf(list) == order ? pages.CountOf(list) : 0;
        }

        return unchecked(state->FreedElsewhere[order] + onLists + state->Allocated[order] - state->AllocatedElsewhere[order] - state->NetRefilled[order]);
    }

    /// <summary>What happened in one zone since boot, all CPUs together. The counters lie in the arena: damaged ones wrap.</summary>
    public ZoneReport GetZoneReport(Zone zone)
    {
        unchecked
        {
            ulong allocations = 0;
            ulong allocatedPages = 0;
            ulong freedPages = 0;
            ulong misses = 0;
            ulong foreign = 0;
            ulong other = 0;
            ulong refilled = 0;
            ulong drained = 0;
            for (int cpu = 0; cpu < cpuCount; cpu++)
            {
                PerCpuPages pages = lists[(cpu * zones.Length) + zone.Index];
                PerCpuState* state = pages.State;
                for (int order = 0; order < Order.Count; order++)
                {
                    allocations += (ulong)state->Allocated[order];
                    allocatedPages += (ulong)state->Allocated[order] << order;
                    freedPages += (ulong)CountFreed(pages, order) << order;
                }

                misses += (ulong)state->NumaMiss;
                foreign += (ulong)state->NumaForeign;
                other += (ulong)state->NumaOther;
                refilled += (ulong)state->Refilled;
                drained += (ulong)state->Drained;
            }

            ZoneState* own = zone.State;
            return new ZoneReport(
                allocations, allocatedPages, freedPages, misses, foreign, other, refilled, drained, (ulong)own->ZoneLocked,
                (ulong)own->ExtFrag, (ulong)own->ExtFragFragmenting, (ulong)own->ExtFragOwnership);
        }
    }
}
