using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.PerCpu;
using Engine.Core.Units;
using Engine.Core.Zones;
using Mmsim.Fuzz;
using Xunit;

namespace Engine.PropertyTests.Buddy;

/// <summary>What the fast paths do is what the full path does: the same frames, the same lists, the same tuning, step by step.</summary>
public sealed class FastPathTests
{
    private const ulong MiB = 1UL << 20;
    private static readonly CpuId Cpu0 = new(0);
    private static readonly GfpFlags[] Kinds = [GfpFlags.HighUserMovable, GfpFlags.HighUserMovable, GfpFlags.Kernel, GfpFlags.Kernel | GfpFlags.Reclaimable];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Every_step_ends_where_the_full_path_ends(ulong seed) => Run(seed, 30_000, _ => { });

    [Fact]
    public void A_list_that_is_tuned_otherwise_is_caught() =>
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => Run(1, 3_000, machine => Lists(machine, 0).FreeCount |= 1));

    private static void Run(ulong seed, int steps, Action<TestMachine> sabotage)
    {
        // Two zones of one node, small enough to fall below their watermarks again and again.
        PageAllocatorOptions options = new() { IsDeterministic = true, ZoneDmaBits = 30, TransparentHugePages = seed % 2 == 0 };
        MemoryBank bank = new(new PhysAddr((1UL << 30) - (32 * MiB)), 96 * MiB);
        using TestMachine fast = new(options, bank);
        using TestMachine full = new(options, bank);
        Assert.Equal(2, fast.Allocator.Zones.Count(zone => zone.ManagedPages > 0));
        SplitMix64 random = new(seed);
        List<(Pfn Pfn, Order Order)> live = [];
        int allocationsPercent = 0;
        for (int step = 0; step < steps; step++)
        {
            if (step % 1500 == 0)
            {
                allocationsPercent = 30 + random.Below(65);
            }

            SendToFullPath(full);
            sabotage(fast);
            if (live.Count == 0 || random.Below(100) < allocationsPercent)
            {
                int pick = random.Below(20);
                Order order = new(pick < 12 ? 0 : pick < 19 ? 1 + (pick % 3) : Order.PageBlockValue);
                GfpFlags gfp = Kinds[random.Below(Kinds.Length)];
                bool isTaken = fast.Allocator.TryAllocate(Cpu0, order, gfp, out Pfn pfn);
                Assert.Equal(full.Allocator.TryAllocate(Cpu0, order, gfp, out Pfn expected), isTaken);
                Assert.Equal(expected, pfn);
                if (isTaken)
                {
                    live.Add((pfn, order));
                }
            }
            else
            {
                int pick = random.Below(live.Count);
                fast.Allocator.Free(Cpu0, live[pick].Pfn, live[pick].Order);
                full.Allocator.Free(Cpu0, live[pick].Pfn, live[pick].Order);
                live[pick] = live[^1];
                live.RemoveAt(live.Count - 1);
            }

            Compare(fast, full, isThorough: step % 1000 == 0);
        }
    }

    // An inbox that asks for nothing: the next operation looks into it, which only the full path does.
    private static void SendToFullPath(TestMachine machine)
    {
        for (int zone = 0; zone < machine.Allocator.Zones.Count; zone++)
        {
            Lists(machine, zone).Inbox = 2;
        }
    }

    private static ref PerCpuState Lists(TestMachine machine, int zone)
    {
        MemoryRegion region = machine.Layout.Regions.Single(one => one.Name == "per-cpu page lists");
        return ref machine.Memory.GetRef<PerCpuState>(region.Start + ((ulong)zone * PerCpuState.SizeBytes));
    }

    private static void Compare(TestMachine fast, TestMachine full, bool isThorough)
    {
        for (int i = 0; i < fast.Allocator.Zones.Count; i++)
        {
            Zone a = fast.Allocator.Zones[i];
            Zone b = full.Allocator.Zones[i];
            ref PerCpuState one = ref Lists(fast, i);
            ref PerCpuState other = ref Lists(full, i);
            Assert.Equal((b.FreePages, b.Flags, b.WatermarkBoost), (a.FreePages, a.Flags, a.WatermarkBoost));
            Assert.Equal(
                (other.Count, other.High, other.FreeCount, other.AllocFactor, other.IsAfterHighOrder, other.Refilled, other.Drained),
                (one.Count, one.High, one.FreeCount, one.AllocFactor, one.IsAfterHighOrder, one.Refilled, one.Drained));
            if (isThorough)
            {
                Assert.Equal(b.CountFreeBlocksByType(), a.CountFreeBlocksByType());
                Assert.Equal(full.Allocator.GetZoneReport(b), fast.Allocator.GetZoneReport(a));
            }
        }

        if (isThorough)
        {
            Assert.Empty(fast.Allocator.Verify());
            Assert.Equal(0, fast.Log.Count + full.Log.Count);
        }
    }
}
