using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.PerCpu;
using Engine.Core.Units;
using Engine.Core.Zones;
using Xunit;

namespace Engine.PropertyTests.Buddy;

/// <summary>When a run of freed high orders leaves a CPU's lists (mm/page_alloc.c, <c>free_unref_page_commit</c>: <c>free_high</c>).</summary>
public sealed class FreeRunTests
{
    private static readonly CpuId Cpu0 = new(0);
    private static readonly Order Pair = new(1);

    [Theory]
    [InlineData(KernelRelease.Linux69)]
    [InlineData(KernelRelease.Linux618)]
    public void A_run_of_freed_pairs_leaves_the_lists_at_the_releases_threshold(KernelRelease release)
    {
        using TestMachine machine = new(512UL << 20, new PageAllocatorOptions { Release = release, DataCacheBytes = 0 });
        MemoryRegion region = machine.Layout.Regions.Single(one => one.Name == "per-cpu page lists");
        Zone zone = machine.Allocator.Zones.Single(one => one.ManagedPages > 0);
        ref PerCpuState state = ref machine.Memory.GetRef<PerCpuState>(region.Start + ((ulong)zone.Index * PerCpuState.SizeBytes));
        int threshold = release == KernelRelease.Linux69 ? state.Batch : state.Batch + (state.HighMin / 2);
        Assert.True(state.HighMin >= 4, $"high_min {state.HighMin} tells the releases not apart");

        List<Pfn> live = [];
        for (int i = 0; i < threshold; i++)
        {
            Assert.True(machine.Allocator.TryAllocate(Cpu0, Pair, GfpFlags.HighUserMovable, out Pfn pfn));
            live.Add(pfn);
        }

        // The limit is far away: what drains is the run.
        machine.Allocator.DrainAll(Cpu0);
        state.High = state.HighMax;
        int before = state.FreeCount;
        long drained = state.Drained;
        foreach (Pfn pfn in live)
        {
            int freed = state.FreeCount;
            machine.Allocator.Free(Cpu0, pfn, Pair);
            if (state.Drained != drained)
            {
                Assert.InRange(freed, threshold, threshold + 1);
                Assert.True(before < threshold);
                Assert.Empty(machine.Allocator.Verify());
                return;
            }
        }

        Assert.Fail($"{live.Count} freed pairs drained nothing");
    }
}
