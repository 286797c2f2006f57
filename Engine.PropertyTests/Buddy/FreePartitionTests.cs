using Engine.Core.Buddy;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.Buddy;

/// <summary>A zone in parts: where each pageblock belongs, and what CPUs take from whose part.</summary>
public sealed class FreePartitionTests
{
    private const ulong MiB = 1UL << 20;

    [Fact]
    public void A_pageblock_lies_in_the_part_that_a_division_names() =>
        ModelProperty.Check(Gen.Choose(0, int.MaxValue - 1), numbers =>
        {
            for (int i = 0; i + 2 < numbers.Count; i += 3)
            {
                int blocks = 1 + (numbers[i] % (1 << 24));
                FreePartition partition = FreePartition.Divide(blocks, 1 + (numbers[i + 1] % 4096));
                Assert.True(partition.BlockCount % 2 == 0 && partition.Count >= 1);
                foreach (int place in (int[])[0, blocks - 1, numbers[i + 2] % blocks, numbers[i + 2] % blocks / partition.BlockCount * partition.BlockCount])
                {
                    Assert.Equal(place / partition.BlockCount, partition.PartOf(place));
                }

                Assert.Equal(partition.Count - 1, partition.PartOf(blocks - 1));
            }
        }, tests: 200, length: 30);

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(9)]
    public void A_CPU_takes_from_its_own_half_first_and_all_memory_can_be_had(int order)
    {
        using TestMachine machine = new(256 * MiB, new PageAllocatorOptions { CpuCount = 2 });
        PageAllocator allocator = machine.Allocator;
        Order size = new(order);
        uint middle = allocator.Zones[0].Span.Start.Value + (uint)(128 * MiB >> Pfn.PageShift);
        List<Pfn> taken = [];
        for (int i = 0; i < 8; i++)
        {
            for (int cpu = 0; cpu < 2; cpu++)
            {
                Assert.True(allocator.TryAllocate(new CpuId(cpu), size, GfpFlags.HighUserMovable, out Pfn pfn));
                Assert.Equal(cpu == 1, pfn.Value >= middle);
                taken.Add(pfn);
            }
        }

        // One CPU alone goes on into the other half, down to the watermarks.
        int fromOther = 0;
        while (allocator.TryAllocate(new CpuId(0), size, GfpFlags.HighUserMovable | GfpFlags.NoRetry, out Pfn pfn))
        {
            taken.Add(pfn);
            fromOther += pfn.Value >= middle ? 1 : 0;
        }

        Assert.True(fromOther << order > (int)(100 * MiB >> Pfn.PageShift), $"{fromOther} blocks of the other half");
        Assert.Empty(allocator.Verify());

        // And whoever frees, each block goes home.
        for (int i = 0; i < taken.Count; i++)
        {
            allocator.Free(new CpuId(i % 2), taken[i], size);
        }

        allocator.DrainAll(new CpuId(0));
        allocator.DrainAll(new CpuId(1));
        Assert.Empty(allocator.Verify());
        Assert.Equal(allocator.ManagedPages, allocator.Zones[0].FreePages);
    }

    [Fact]
    public void With_one_thread_for_all_CPUs_the_zone_is_one_part()
    {
        using TestMachine machine = new(256 * MiB, new PageAllocatorOptions { CpuCount = 2, IsDeterministic = true });
        uint middle = machine.Allocator.Zones[0].Span.Start.Value + (uint)(128 * MiB >> Pfn.PageShift);
        for (int i = 0; i < 10; i++)
        {
            for (int cpu = 0; cpu < 2; cpu++)
            {
                // The smallest that suffices may lie at the upper end, where boot took its share; after it come the lowest.
                Assert.True(machine.Allocator.TryAllocate(new CpuId(cpu), new Order(9), GfpFlags.HighUserMovable, out Pfn pfn));
                Assert.True(pfn.Value < middle || i == 0, $"{pfn} for CPU {cpu}, step {i}");
            }
        }
    }
}
