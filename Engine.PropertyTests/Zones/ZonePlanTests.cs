using Engine.Core.Arena;
using Engine.Core.Units;
using Engine.Core.Zones;
using Xunit;

namespace Engine.PropertyTests.Zones;

/// <summary>Which zone covers what on arm64, and in which order zones are tried.</summary>
public sealed class ZonePlanTests
{
    private const ulong GiB = 1UL << 30;

    [Fact]
    public void Memory_below_four_gibibytes_is_one_DMA_zone()
    {
        ZoneSpan zone = Assert.Single(ZonePlan.ForArm64([new MemoryBank(new PhysAddr(GiB), 2 * GiB)]));
        Assert.Equal(new ZoneSpan(0, ZoneType.Dma, new Pfn(0x40000), 0x80000), zone);
    }

    [Fact]
    public void Memory_above_four_gibibytes_alone_is_one_DMA_zone_too() =>
        Assert.Equal(ZoneType.Dma, Assert.Single(ZonePlan.ForArm64([new MemoryBank(new PhysAddr(8 * GiB), GiB)])).Type);

    [Fact]
    public void Zones_span_holes_and_meet_at_four_gibibytes()
    {
        IReadOnlyList<ZoneSpan> zones = ZonePlan.ForArm64([new MemoryBank(new PhysAddr(GiB), GiB), new MemoryBank(new PhysAddr(6 * GiB), 2 * GiB)]);
        Assert.Equal([ZoneType.Dma, ZoneType.Normal], zones.Select(zone => zone.Type));
        Assert.Equal(new Pfn(0x180000), zones[1].Start);
    }

    [Fact]
    public void Thirty_bits_of_DMA_make_three_zones()
    {
        IReadOnlyList<ZoneSpan> zones = ZonePlan.ForArm64([new MemoryBank(new PhysAddr(0), 8 * GiB)], dmaBits: 30);
        Assert.Equal([(ZoneType.Dma, 0x40000u), (ZoneType.Dma32, 0xc0000u), (ZoneType.Normal, 0x100000u)], zones.Select(zone => (zone.Type, zone.SpannedPages)));
    }

    [Fact]
    public void The_movable_zone_is_the_top_of_each_node()
    {
        IReadOnlyList<ZoneSpan> zones = ZonePlan.ForArm64(
            [new MemoryBank(new PhysAddr(GiB), GiB), new MemoryBank(new PhysAddr(2 * GiB), GiB, 1)], movableBytes: GiB);
        Assert.Equal([(0, ZoneType.Dma), (0, ZoneType.Movable), (1, ZoneType.Dma), (1, ZoneType.Movable)], zones.Select(zone => (zone.Node, zone.Type)));
        Assert.All(zones, zone => Assert.Equal(0x20000u, zone.SpannedPages));
    }

    [Fact]
    public void The_nearest_node_comes_first_and_equal_ones_take_turns()
    {
        int[][] distance = [[10, 20, 30, 30], [20, 10, 30, 30], [30, 30, 10, 20], [30, 30, 20, 10]];
        bool[] all = [true, true, true, true];
        int[][] order = ZoneList.OrderNodes(all, all, (a, b) => distance[a][b]);
        Assert.Equal([0, 1, 2, 3], order[0]);
        Assert.Equal([1, 0, 3, 2], order[1]);
        Assert.Equal([2, 3], order[2][..2]);
        Assert.Equal([3, 2], order[3][..2]);
    }

    [Fact]
    public void A_node_without_CPUs_is_preferred_at_equal_distance()
    {
        bool[] all = [true, true, true];
        int[][] order = ZoneList.OrderNodes(all, [true, true, false], (a, b) => a == b ? 10 : 20);
        Assert.Equal([0, 2, 1], order[0]);
    }
}
