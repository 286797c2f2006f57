using Engine.Core.Buddy;
using Engine.Core.Units;
using Xunit;

namespace Engine.PropertyTests.Buddy;

/// <summary>The allocator's simplest promises.</summary>
public sealed class PageAllocatorBasicTests
{
    private static readonly CpuId Cpu0 = new(0);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(6)]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(10)]
    public void All_memory_can_be_taken_and_given_back(int order)
    {
        using TestMachine machine = new(64UL << 20);
        PageAllocator allocator = machine.Allocator;
        Assert.Empty(allocator.Verify());
        ulong free = allocator.Zones[0].FreePages;
        List<Pfn> taken = [];
        while (allocator.TryAllocate(Cpu0, new Order(order), GfpFlags.Kernel | GfpFlags.MemAlloc, out Pfn pfn))
        {
            Assert.Equal(0u, pfn.ToUInt32() & ((1u << order) - 1));
            taken.Add(pfn);
        }

        Assert.Empty(allocator.Verify());
        Assert.Equal(taken.Count, taken.Distinct().Count());
        Assert.True((ulong)taken.Count << order > free * 9 / 10, $"{taken.Count} blocks");
        foreach (Pfn pfn in taken)
        {
            allocator.Free(Cpu0, pfn, new Order(order));
        }

        Assert.Empty(allocator.Verify());
        allocator.DrainLocal(Cpu0);
        Assert.Empty(allocator.Verify());
        Assert.Equal(free, allocator.Zones[0].FreePages);
        Assert.Empty(machine.Log.Items);
    }

    [Fact]
    public void Sixty_four_gibibytes_boot_without_touching_the_frame_table()
    {
        using TestMachine machine = new(64UL << 30);
        Assert.Equal(machine.Allocator.ManagedPages, machine.Allocator.Zones.Aggregate(0UL, (sum, zone) => sum + zone.FreePages));
        Assert.True(machine.Allocator.BitmapBytes < (64UL << 30) / 5000, $"{machine.Allocator.BitmapBytes} bytes of bitmaps");
    }
}
