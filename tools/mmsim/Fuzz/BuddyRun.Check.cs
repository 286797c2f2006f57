using Engine.Core.Diagnostics;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Mmsim.Fuzz;

/// <content>What is compared: a block that was handed out, a failure that must have been one, and all places together.</content>
public partial class BuddyRun
{
    // With all reserves open, a failure means that no zone allowed has a block that is large enough.
    private void CheckNothingWasLeft(CpuId cpu, Order order, GfpFlags gfp)
    {
        if ((gfp & GfpFlags.MemAlloc) == 0 || order > Order.Max || !ZoneTypes.TryFromGfp(gfp, out ZoneType highest))
        {
            return;
        }

        foreach (Zone zone in Allocator.GetZoneList(Allocator.GetNode(cpu)))
        {
            if (zone.Type > highest)
            {
                continue;
            }

            long[] counts = zone.CountFreeBlocksByType();
            for (int type = 0; type < MigrateTypes.PerCpuCount; type++)
            {
                for (int k = order.ToInt32(); k < Order.Count; k++)
                {
                    Require(counts[(type * Order.Count) + k] == 0, $"order {order} failed, but {zone} has a free block of order {k}, type {type}");
                }
            }
        }
    }

    private void CheckFresh(Pfn pfn, Order order, GfpFlags gfp)
    {
        Require((pfn.ToUInt32() & (order.PageCount - 1)) == 0, $"{pfn} is not aligned to order {order}");
        Require(ZoneTypes.TryFromGfp(gfp, out ZoneType highest) && Allocator.FindZone(pfn)?.Type <= highest, $"{pfn} is above the zones that {gfp} allows");
        Require(Frames[pfn].RefCount == 1 && Frames[pfn].MapCount == 0 && Frames[pfn].Mapping == 0, $"the descriptor of {pfn} is not fresh");
        bool isCompound = (gfp & GfpFlags.Comp) != 0 && order > Order.Zero;
        for (uint i = 0; i < order.PageCount; i++)
        {
            Pfn frame = pfn + i;
            int index = (int)(frame - Frames.First);
            Require(index < isManaged.Length && isManaged[index], $"{frame} was never managed");
            Require(!isUsed[index], $"{frame} is handed out twice");
            Require(!isolated.Contains(PageBlockOf(frame)), $"{frame} comes from an isolated pageblock");
            Require(!isCompound || Allocator.GetHead(frame) == pfn, $"the head of {frame} is not {pfn}");
        }
    }

    private void CheckAll()
    {
        IReadOnlyList<Corruption> findings = Allocator.Verify();
        Require(findings.Count == 0, $"Verify: {(findings.Count == 0 ? "" : findings[0].ToString())}");
        CheckBlocks();
        CheckTotal();
    }

    private void CheckBlocks()
    {
        foreach ((Pfn pfn, Order order) in orders)
        {
            Require(
                Allocator.TryFindBlock(pfn, out Pfn head, out Order found) && head == pfn && found == order,
                $"the block at {pfn}, order {order}, is not known as such");
        }
    }

    private void CheckTotal()
    {
        ulong[] places = CountPlaces();
        ulong used = orders.Values.Aggregate(0UL, (sum, order) => sum + order.PageCount);
        ulong total = places.Aggregate(used, (sum, pages) => sum + pages);
        Require(total == Allocator.ManagedPages, $"{total} pages in all places, {Allocator.ManagedPages} managed");
    }

    // Pages by place: free by zone and order, on lists, deferred, diced.
    private ulong[] CountPlaces()
    {
        List<ulong> places = [];
        foreach (Zone zone in Allocator.Zones)
        {
            long[] counts = zone.CountFreeBlocks();
            places.AddRange(counts.Select((count, order) => (ulong)count << order));
            for (int cpu = 0; cpu < cpuCount; cpu++)
            {
                places.Add((ulong)Allocator.GetPerCpuReport(zone, new CpuId(cpu)).Count);
            }
        }

        places.Add(Allocator.DeferredPages);
        places.Add(Allocator.DicedPages);
        return [.. places];
    }
}
