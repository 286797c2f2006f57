using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Migration;
using Engine.Core.Units;
using Engine.Core.Zones;
using Xunit;

namespace Engine.PropertyTests.Buddy;

/// <summary>The order of steps when memory is short (mm/page_alloc.c, <c>__alloc_pages_slowpath</c>), seen through the hooks.</summary>
public sealed class SlowPathTests
{
    private const ulong MiB = 1UL << 20;
    private static readonly CpuId Cpu0 = new(0);

    [Theory]
    [InlineData("kernel", "kswapd,kswapd,reclaim,kill")]
    [InlineData("no retry", "kswapd,kswapd,reclaim")]
    [InlineData("may fail", "kswapd,kswapd,reclaim")]
    [InlineData("this node", "kswapd,kswapd,reclaim")]
    [InlineData("dma", "kswapd,kswapd,reclaim")]
    [InlineData("nowait", "kswapd,kswapd")]
    [InlineData("neither", "")]
    [InlineData("without kswapd", "reclaim,kill")]
    public void Each_request_takes_the_steps_that_its_flags_allow(string request, string steps)
    {
        using TestMachine machine = new(64 * MiB, new PageAllocatorOptions { IsDeterministic = true });
        Exhaust(machine.Allocator, GfpFlags.Kernel | GfpFlags.MemAlloc);
        Recorder recorder = new();
        machine.Allocator.Pressure = recorder;
        GfpFlags gfp = request switch
        {
            "kernel" => GfpFlags.Kernel,
            "no retry" => GfpFlags.Kernel | GfpFlags.NoRetry,
            "may fail" => GfpFlags.Kernel | GfpFlags.RetryMayFail,
            "this node" => GfpFlags.Kernel | GfpFlags.ThisNode,
            "dma" => GfpFlags.Kernel | GfpFlags.Dma,
            "nowait" => GfpFlags.NoWait,
            "neither" => GfpFlags.None,
            _ => GfpFlags.Kernel & ~GfpFlags.KswapdReclaim,
        };
        Assert.False(machine.Allocator.TryAllocate(Cpu0, Order.Zero, gfp, out Pfn pfn));
        Assert.Equal(Pfn.None, pfn);
        Assert.Equal(steps, string.Join(',', recorder.Steps));
    }

    [Fact]
    public void What_reclaim_brings_is_found_and_progress_starts_the_count_anew()
    {
        using TestMachine machine = new(64 * MiB, new PageAllocatorOptions { IsDeterministic = true });
        PageAllocator allocator = machine.Allocator;
        List<Pfn> live = Exhaust(allocator, GfpFlags.Kernel);

        // The first reclaim says that it did something and did not; the second gives back a thousand pages.
        Recorder recorder = new() { Reclaimable = 4096 };
        recorder.OnReclaim = round =>
        {
            for (int i = 0; round == 2 && i < 1000; i++)
            {
                allocator.Free(Cpu0, live[^1], Order.Zero);
                live.RemoveAt(live.Count - 1);
            }

            return round;
        };
        allocator.Pressure = recorder;
        Assert.True(allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.Kernel, out _));
        Assert.Equal("kswapd,kswapd,reclaim,kswapd,reclaim", string.Join(',', recorder.Steps));
    }

    [Fact]
    public void Without_progress_reclaim_is_tried_sixteen_times_where_it_could_help()
    {
        using TestMachine machine = new(64 * MiB, new PageAllocatorOptions { IsDeterministic = true });
        Exhaust(machine.Allocator, GfpFlags.Kernel);
        Recorder recorder = new() { Reclaimable = 4096 };
        machine.Allocator.Pressure = recorder;
        Assert.False(machine.Allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.Kernel, out _));
        Assert.Equal(17, recorder.Steps.Count(step => step == "reclaim"));
        Assert.Equal("kill", recorder.Steps[^1]);
    }

    [Fact]
    public void After_a_kill_it_is_tried_again_and_a_request_that_must_not_fail_gets_the_last_page()
    {
        using TestMachine machine = new(64 * MiB, new PageAllocatorOptions { IsDeterministic = true });
        PageAllocator allocator = machine.Allocator;
        List<Pfn> live = Exhaust(allocator, GfpFlags.Kernel);
        Recorder recorder = new()
        {
            OnKill = () =>
            {
                live.ForEach(pfn => allocator.Free(Cpu0, pfn, Order.Zero));
                return true;
            },
        };
        allocator.Pressure = recorder;
        Assert.True(allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.Kernel, out _));
        Assert.Equal("kswapd,kswapd,reclaim,kill,kswapd", string.Join(',', recorder.Steps));

        allocator.Pressure = new Recorder();
        Exhaust(allocator, GfpFlags.Kernel);
        ulong left = allocator.Zones[0].FreePages;
        for (ulong i = 0; i < left; i++)
        {
            Assert.True(allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.Kernel | GfpFlags.NoFail, out _));
        }

        // Nothing is left and no one helps: it fails instead of waiting for ever, whatever the hooks say.
        allocator.Pressure = new Recorder { Reclaimable = ulong.MaxValue, OnKill = () => true };
        Assert.False(allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.Kernel | GfpFlags.NoFail, out _));
        Assert.Empty(allocator.Verify());
    }

    [Fact]
    public void The_whole_high_atomic_reserve_goes_before_a_process_does()
    {
        using TestMachine machine = new(512 * MiB, new PageAllocatorOptions { IsDeterministic = true });
        PageAllocator allocator = machine.Allocator;
        Zone zone = allocator.Zones[0];
        Order order = new(4);
        while (allocator.TryAllocate(Cpu0, order, GfpFlags.HighUserMovable | GfpFlags.NoRetry, out _))
        {
        }

        Assert.True(allocator.TryAllocate(Cpu0, order, GfpFlags.Atomic, out Pfn pfn));
        allocator.Free(Cpu0, pfn, order);
        Assert.Equal(512UL, zone.ReservedHighAtomicPages);
        Exhaust(allocator, GfpFlags.HighUserMovable | GfpFlags.NoRetry);
        Assert.Equal(512UL, zone.ReservedHighAtomicPages);
        Recorder recorder = new();
        allocator.Pressure = recorder;
        _ = allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.Kernel, out _);
        Assert.Equal(0UL, zone.ReservedHighAtomicPages);
        Assert.Equal("kswapd,kswapd,reclaim,kswapd", string.Join(',', recorder.Steps.Take(4)));
        Assert.Empty(allocator.Verify());
    }

    [Fact]
    public void Compaction_is_tried_harder_from_round_to_round_while_reclaim_makes_progress()
    {
        using TestMachine machine = new(64 * MiB, new PageAllocatorOptions { IsDeterministic = true });
        PageAllocator allocator = machine.Allocator;
        Mover mover = new(allocator);
        mover.Fill();
        mover.Thin(4);
        while (allocator.TryAllocate(Cpu0, new Order(2), GfpFlags.Kernel | GfpFlags.MemAlloc | GfpFlags.NoRetry, out _))
        {
        }

        StubbornMover stubborn = new();
        allocator.Migrator = stubborn;
        Recorder recorder = new() { OnReclaim = _ => 1 };
        allocator.Pressure = recorder;
        Assert.False(allocator.TryAllocate(Cpu0, new Order(3), GfpFlags.Kernel, out _));
        Assert.Equal([CompactMode.Async, CompactMode.SyncLight, CompactMode.SyncFull], stubborn.Modes.Distinct());

        // A costly request that may not be retried stops at what does not wait.
        stubborn.Modes.Clear();
        Assert.False(allocator.TryAllocate(Cpu0, Order.PageBlock, GfpFlags.TransHuge | GfpFlags.Io | GfpFlags.NoRetry, out _));
        Assert.All(stubborn.Modes, mode => Assert.Equal(CompactMode.Async, mode));

        // A costly one that may fail goes as far as waiting for pages, and no further.
        stubborn.Modes.Clear();
        Assert.False(allocator.TryAllocate(Cpu0, Order.PageBlock, GfpFlags.TransHuge | GfpFlags.Io | GfpFlags.RetryMayFail, out _));
        Assert.DoesNotContain(CompactMode.SyncFull, stubborn.Modes);
        Assert.Empty(allocator.Verify());
    }

    [Theory]
    [InlineData(GfpFlags.MemAlloc, true)]
    [InlineData(GfpFlags.MemAlloc | GfpFlags.NoMemAlloc, false)]
    [InlineData(GfpFlags.None, false)]
    public void Who_frees_memory_soon_has_the_reserves_unless_it_does_not_want_them(GfpFlags flags, bool isTaken)
    {
        using TestMachine machine = new(64 * MiB, new PageAllocatorOptions { IsDeterministic = true });
        Exhaust(machine.Allocator, GfpFlags.Kernel);
        Assert.Equal(isTaken, machine.Allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.Kernel | flags, out _));
    }

    [Fact]
    public void On_one_node_a_lower_zone_serves_before_types_mix_though_it_is_not_DMA32()
    {
        MemoryBank bank = new(new PhysAddr(0xfc000000), 128 * MiB);
        using TestMachine machine = new(new PageAllocatorOptions { IsDeterministic = true }, bank);
        PageAllocator allocator = machine.Allocator;
        Assert.Equal([ZoneType.Dma, ZoneType.Normal], allocator.Zones.Select(zone => zone.Type));

        // Normal has no whole pageblock of another type to take, only parts of them.
        Zone normal = allocator.Zones[1];
        List<Pfn> live = [];
        while (normal.CountFreeBlocks().AsSpan(9).ContainsAnyExcept(0) && allocator.TryAllocate(Cpu0, new Order(5), GfpFlags.HighUserMovable, out Pfn pfn))
        {
            live.Add(pfn);
        }

        // Every other piece comes back; the last one could complete a pageblock.
        foreach (Pfn pfn in live.SkipLast(1).Where((_, i) => i % 2 == 0))
        {
            allocator.Free(Cpu0, pfn, new Order(5));
        }

        Assert.True(allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.Kernel, out Pfn kernel));
        Assert.Equal(ZoneType.Dma, allocator.FindZone(kernel)!.Type);
        Assert.Equal(0, normal.ExtFragCount);
    }

    [Fact]
    public void Below_the_low_watermark_types_mix_before_a_lower_zone_serves()
    {
        MemoryBank bank = new(new PhysAddr(0xfc000000), 128 * MiB);
        using TestMachine machine = new(new PageAllocatorOptions { IsDeterministic = true, MinFreeKilobytes = 16384 }, bank);
        PageAllocator allocator = machine.Allocator;
        Zone dma = allocator.Zones[0];
        Zone normal = allocator.Zones[1];
        List<Pfn> live = Exhaust(allocator, GfpFlags.HighUserMovable | GfpFlags.MemAlloc | GfpFlags.NoRetry);

        // Both zones are between their watermarks: the upper one with single pages of another type, the lower one with whole pageblocks.
        GiveBack(normal, normal.Watermarks.Low - 200, pfn => pfn.ToUInt32() % 4 == 0);
        GiveBack(dma, dma.Watermarks.Low - 200 + dma.GetLowmemReserve(ZoneType.Normal), _ => true);
        Assert.True(allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.Kernel, out Pfn kernel));
        Assert.Equal(ZoneType.Normal, allocator.FindZone(kernel)!.Type);
        Assert.Equal(1, normal.ExtFragCount);

        void GiveBack(Zone zone, ulong pages, Func<Pfn, bool> isWanted)
        {
            foreach (Pfn pfn in live.Where(pfn => zone.Span.Contains(pfn) && isWanted(pfn)).Order().Take((int)(pages - zone.FreePages)))
            {
                allocator.Free(Cpu0, pfn, Order.Zero);
            }

            allocator.DrainAll(Cpu0);
            Assert.Equal(pages, zone.FreePages);
        }
    }

    [Fact]
    public void Types_that_mix_raise_the_watermarks_and_wake_kswapd_once()
    {
        using TestMachine machine = new(64 * MiB, new PageAllocatorOptions { IsDeterministic = true });
        PageAllocator allocator = machine.Allocator;
        Zone zone = allocator.Zones[0];
        List<Pfn> live = [];
        while (zone.CountFreeBlocks().AsSpan(9).ContainsAnyExcept(0) && allocator.TryAllocate(Cpu0, new Order(5), GfpFlags.HighUserMovable, out Pfn pfn))
        {
            live.Add(pfn);
        }

        foreach (Pfn pfn in live.SkipLast(1).Where((_, i) => i % 2 == 0))
        {
            allocator.Free(Cpu0, pfn, new Order(5));
        }

        Recorder recorder = new();
        allocator.Pressure = recorder;
        Assert.True(allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.Kernel, out _));
        Assert.Equal("kswapd", string.Join(',', recorder.Steps));
        Assert.Equal(512UL, zone.WatermarkBoost);
        Assert.True(allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.Kernel, out _));
        Assert.Equal("kswapd", string.Join(',', recorder.Steps));
        allocator.ReduceBoost(zone, ulong.MaxValue);
        Assert.Equal(0UL, zone.WatermarkBoost);
        Assert.Empty(allocator.Verify());
    }

    private static List<Pfn> Exhaust(PageAllocator allocator, GfpFlags gfp)
    {
        List<Pfn> taken = [];
        while (allocator.TryAllocate(Cpu0, Order.Zero, gfp, out Pfn pfn))
        {
            taken.Add(pfn);
        }

        return taken;
    }

    private sealed class Recorder : IMemoryPressure
    {
        private ulong rounds;

        public List<string> Steps { get; } = [];

        public Func<ulong, ulong> OnReclaim { get; set; } = _ => 0;

        public Func<bool> OnKill { get; set; } = () => false;

        public ulong Reclaimable { get; set; }

        public void WakeKswapd(Zone zone, Order order, GfpFlags gfp) => Steps.Add("kswapd");

        public ulong Reclaim(CpuId cpu, Order order, GfpFlags gfp)
        {
            Steps.Add("reclaim");
            return OnReclaim(++rounds);
        }

        public ulong CountReclaimable(Zone zone) => Reclaimable;

        public bool KillProcess(CpuId cpu, Order order, GfpFlags gfp)
        {
            Steps.Add("kill");
            return OnKill();
        }
    }

    // Moves nothing, and notes how hard it was tried.
    private sealed class StubbornMover : IPageMigrator
    {
        public List<CompactMode> Modes { get; } = [];

        public bool CanMove(Pfn head, Order order, CompactMode mode)
        {
            Modes.Add(mode);
            return false;
        }

        public bool TryMove(CpuId cpu, Pfn from, Pfn to, Order order, CompactMode mode) => false;
    }
}
