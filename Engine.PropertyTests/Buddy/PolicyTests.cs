using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Migration;
using Engine.Core.PerCpu;
using Engine.Core.Units;
using Engine.Core.Zones;
using Xunit;

namespace Engine.PropertyTests.Buddy;

/// <summary>Linux's rules, one by one, on small machines.</summary>
public sealed class PolicyTests
{
    private const ulong MiB = 1UL << 20;
    private static readonly CpuId Cpu0 = new(0);

    [Fact]
    public void The_limit_and_the_refill_grow_as_Linux_tunes_them()
    {
        using TestMachine machine = new(1024 * MiB, new PageAllocatorOptions { CpuCount = 1 });
        PageAllocator allocator = machine.Allocator;
        Zone zone = allocator.Zones[0];
        PerCpuLimits limits = allocator.GetListLimits(zone);
        Assert.Equal(63, limits.Batch);

        // Refills without a free between: 63, 126, 252, … the limit grows by each of them.
        long expectedHigh = limits.HighMin;
        for (int factor = 0; factor < 4; factor++)
        {
            int refill = 63 << factor;
            Assert.True(allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.HighUserMovable, out _));
            expectedHigh += refill;
            PerCpuReport report = allocator.GetPerCpuReport(zone, Cpu0);
            Assert.Equal(expectedHigh, report.High);
            Assert.Equal(refill - 1, report.Count);
            for (int i = 0; i < refill - 1; i++)
            {
                Assert.True(allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.HighUserMovable, out _));
            }
        }

        // A tick takes an eighth off the limit.
        allocator.Tick(Cpu0);
        Assert.Equal(expectedHigh - (expectedHigh / 8), allocator.GetPerCpuReport(zone, Cpu0).High);
    }

    [Fact]
    public void The_first_unmovable_page_claims_its_pageblock()
    {
        using TestMachine machine = new(64 * MiB);
        List<ExtFragEvent> events = [];
        machine.Allocator.ExtFragObserver = events.Add;
        Assert.True(machine.Allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.Kernel, out _));
        ExtFragEvent only = Assert.Single(events);
        Assert.Equal((MigrateType.Unmovable, MigrateType.Movable, true, false), (only.AllocType, only.FallbackType, only.ChangeOwnership, only.IsFragmenting));
        long[] blocks = machine.Allocator.Zones[0].CountPageBlocks();
        Assert.Equal(2, blocks[(int)MigrateType.Unmovable]);
    }

    [Fact]
    public void Atomic_allocations_go_below_the_min_watermark_and_ordinary_ones_do_not()
    {
        using TestMachine machine = new(64 * MiB, new PageAllocatorOptions { IsDeterministic = true });
        PageAllocator allocator = machine.Allocator;
        Zone zone = allocator.Zones[0];
        Exhaust(GfpFlags.Kernel);
        Assert.True(zone.FreePages <= zone.GetWatermark(Watermark.Min) + 1);
        ulong afterKernel = zone.FreePages;
        Exhaust(GfpFlags.Atomic);
        ulong afterAtomic = zone.FreePages;
        Assert.True(afterAtomic < afterKernel);

        // GFP_ATOMIC: min − min/2, then a quarter of the rest: 3/8 stays, without the boost; a refill may cross it by a batch.
        ulong min = zone.Watermarks.Min;
        ulong floor = min - (min / 2);
        floor -= floor / 4;
        Assert.InRange(afterAtomic, floor - 64, floor);
        Exhaust(GfpFlags.Kernel | GfpFlags.MemAlloc);
        Assert.Equal(0UL, zone.FreePages - zone.ReservedHighAtomicPages);
        Assert.Empty(allocator.Verify());

        void Exhaust(GfpFlags gfp)
        {
            while (allocator.TryAllocate(Cpu0, Order.Zero, gfp, out _))
            {
            }
        }
    }

    [Fact]
    public void A_high_order_atomic_allocation_in_need_reserves_its_pageblock()
    {
        using TestMachine machine = new(512 * MiB, new PageAllocatorOptions { IsDeterministic = true });
        PageAllocator allocator = machine.Allocator;
        Zone zone = allocator.Zones[0];
        while (allocator.TryAllocate(Cpu0, new Order(4), GfpFlags.HighUserMovable | GfpFlags.NoRetry, out _))
        {
        }

        Assert.True(allocator.TryAllocate(Cpu0, new Order(4), GfpFlags.Atomic, out Pfn pfn));
        Assert.Equal(512UL, zone.ReservedHighAtomicPages);
        Assert.Equal(1, zone.CountPageBlocks()[(int)MigrateType.HighAtomic]);
        allocator.Free(Cpu0, pfn, new Order(4));
        Assert.Empty(allocator.Verify());
    }

    [Fact]
    public void Requests_go_down_from_their_highest_zone_and_to_the_nearest_node()
    {
        MemoryBank[] banks = [new(new PhysAddr(0xfc000000), 64 * MiB), new(new PhysAddr(0x100000000), 64 * MiB), new(new PhysAddr(0x110000000), 64 * MiB, 1)];
        using TestMachine machine = new(new PageAllocatorOptions { CpuCount = 2, CpuNodes = [0, 1] }, banks);
        PageAllocator allocator = machine.Allocator;
        Assert.Equal((0, ZoneType.Normal), Where(Cpu0, GfpFlags.Kernel));
        Assert.Equal((0, ZoneType.Dma), Where(Cpu0, GfpFlags.Kernel | GfpFlags.Dma));
        Assert.Equal((1, ZoneType.Normal), Where(new CpuId(1), GfpFlags.Kernel));

        // Node 1 has no DMA memory: node 0's is used, and counted as what it is.
        Assert.Equal((0, ZoneType.Dma), Where(new CpuId(1), GfpFlags.Kernel | GfpFlags.Dma));
        Assert.False(allocator.TryAllocate(new CpuId(1), Order.Zero, GfpFlags.Kernel | GfpFlags.Dma | GfpFlags.ThisNode, out _));
        Assert.Equal(1UL, allocator.GetZoneReport(allocator.Zones[0]).NumaOther);
        Assert.Throws<ArgumentException>(() => allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.Dma | GfpFlags.Dma32, out _));

        (int, ZoneType) Where(CpuId cpu, GfpFlags gfp)
        {
            Assert.True(allocator.TryAllocate(cpu, Order.Zero, gfp, out Pfn pfn));
            Zone zone = allocator.FindZone(pfn)!;
            return (zone.Node, zone.Type);
        }
    }

    [Fact]
    public void Bad_frees_have_the_kernels_words_and_change_nothing()
    {
        using TestMachine machine = new(64 * MiB, new PageAllocatorOptions { CheckPages = true });
        PageAllocator allocator = machine.Allocator;
        Assert.True(allocator.TryAllocate(Cpu0, new Order(3), GfpFlags.Kernel, out Pfn pfn));
        Expect("compound_head not consistent", pfn + 1, Order.Zero);
        Expect("PageTail not set", pfn, new Order(4));
        Expect("compound_head not consistent", pfn, new Order(2));
        Expect("PAGE_FLAGS_CHECK_AT_FREE flag(s) set", machine.Frames.Region.Start.Pfn, Order.Zero);
        Expect("PAGE_FLAGS_CHECK_AT_FREE flag(s) set", new Pfn(5), Order.Zero);
        allocator.Free(Cpu0, pfn, new Order(3));
        Expect("nonzero _refcount", pfn, new Order(3));
        allocator.DrainLocal(Cpu0);
        Expect("nonzero mapcount", pfn, new Order(3));
        Assert.Empty(allocator.Verify());

        // A descriptor that is not a free page's: reported, and the page is never used again.
        Assert.True(allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.Kernel, out Pfn bad));
        machine.Frames[bad].MapCount = 1;
        Expect("nonzero mapcount", bad, Order.Zero);
        Expect("nonzero _refcount", bad, Order.Zero);
        Assert.Empty(allocator.Verify());

        void Expect(string reason, Pfn frame, Order order)
        {
            machine.Log.Clear();
            allocator.Free(Cpu0, frame, order);
            Corruption found = Assert.Single(machine.Log.Items);
            Assert.Equal((CorruptionCategory.BadPageState, reason), (found.Category, found.Reason));
        }
    }

    [Fact]
    public void Compaction_makes_a_huge_page_of_scattered_memory()
    {
        using TestMachine machine = new(64 * MiB, new PageAllocatorOptions { IsDeterministic = true });
        PageAllocator allocator = machine.Allocator;
        Mover mover = new(allocator);
        allocator.Migrator = mover;
        mover.Fill();

        // One page in eight stays, everywhere: no huge page is free, though most memory is.
        mover.Thin(8);
        Zone zone = allocator.Zones[0];
        Assert.All(zone.CountFreeBlocks().AsSpan(9).ToArray(), count => Assert.Equal(0, count));
        Assert.True(PageAllocator.GetFragmentationIndex(zone, Order.PageBlock) > FragmentationIndex.ThresholdDefault);
        Assert.True(allocator.TryAllocate(Cpu0, Order.PageBlock, GfpFlags.TransHuge | GfpFlags.Io | GfpFlags.KswapdReclaim, out _));
        Assert.Equal(1, allocator.Compaction.Success);
        Assert.True(mover.Moved > 0);
        mover.CheckContents();
        Assert.Equal(CompactResult.Complete, allocator.Compact(Cpu0, zone));
        Assert.True(zone.CountFreeBlocks()[9] + zone.CountFreeBlocks()[10] > 5);
        mover.CheckContents();
        Assert.Empty(allocator.Verify());
    }

    [Fact]
    public void A_range_is_emptied_and_taken_unless_something_in_it_cannot_move()
    {
        using TestMachine machine = new(64 * MiB, new PageAllocatorOptions { IsDeterministic = true });
        PageAllocator allocator = machine.Allocator;
        Mover mover = new(allocator);
        allocator.Migrator = mover;
        mover.Fill();
        mover.Thin(3);
        Pfn start = machine.Frames.First + (5 * 512) + 100;
        Assert.True(allocator.TryAllocateRange(Cpu0, start, 700));
        mover.CheckContents();
        Assert.Empty(allocator.Verify());
        mover.Pinned = true;
        allocator.DrainLocal(Cpu0);
        ulong free = allocator.Zones[0].FreePages;
        Assert.False(allocator.TryAllocateRange(Cpu0, start + 1024, 700));
        allocator.DrainLocal(Cpu0);
        Assert.Equal(free, allocator.Zones[0].FreePages);
        Assert.Empty(allocator.Verify());
    }

    [Fact]
    public void Cma_serves_movable_pages_only()
    {
        using TestMachine machine = new(64 * MiB, new PageAllocatorOptions { IsDeterministic = true });
        PageAllocator allocator = machine.Allocator;
        Pfn area = machine.Frames.First + 2048;
        Assert.True(allocator.TryReserveCma(area, 4096));
        int inside = 0;
        while (allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.Kernel | GfpFlags.MemAlloc, out Pfn pfn))
        {
            inside += pfn >= area && pfn < area + 4096 ? 1 : 0;
        }

        Assert.Equal(0, inside);
        Assert.Equal(4096UL, allocator.Zones[0].FreeCmaPages);
        Assert.True(allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.HighUserMovable | GfpFlags.MemAlloc, out Pfn movable));
        Assert.True(movable >= area && movable < area + 4096);
        Assert.Empty(allocator.Verify());
    }

    [Fact]
    public void Deferred_pages_come_back_under_pressure_and_are_recycled()
    {
        using TestMachine machine = new(64 * MiB, new PageAllocatorOptions { IsDeterministic = true });
        PageAllocator allocator = machine.Allocator;
        List<Pfn> live = [];
        while (allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.HighUserMovable, out Pfn pfn))
        {
            live.Add(pfn);
        }

        foreach (Pfn pfn in live.Take(300))
        {
            allocator.FreeDeferred(Cpu0, pfn, Order.Zero);
        }

        Assert.Equal(300UL, allocator.DeferredPages);
        Assert.True(allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.HighUserMovable, out _));
        Assert.True(allocator.DeferredPages < 300);
        Assert.Empty(allocator.Verify());
    }

    [Fact]
    public void The_worker_dices_for_a_list_that_ran_empty_and_the_list_takes_it()
    {
        using TestMachine machine = new(256 * MiB, new PageAllocatorOptions { IsDeterministic = true });
        PageAllocator allocator = machine.Allocator;
        Assert.True(allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.HighUserMovable, out _));
        Assert.True(allocator.RunWorker() > 0);
        ulong ready = allocator.DicedPages;
        Assert.True(ready > 0);
        long before = (long)allocator.GetZoneReport(allocator.Zones[0]).ZoneLocked;
        while (allocator.DicedPages != 0)
        {
            Assert.True(allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.HighUserMovable, out _));
        }

        Assert.Equal(before, (long)allocator.GetZoneReport(allocator.Zones[0]).ZoneLocked);
        Assert.Empty(allocator.Verify());
    }

    [Fact]
    public void Folios_count_references_and_split()
    {
        using TestMachine machine = new(64 * MiB);
        PageAllocator allocator = machine.Allocator;
        Assert.True(allocator.TryAllocate(Cpu0, new Order(4), GfpFlags.HighUserMovable | GfpFlags.Comp, out Pfn head));
        Assert.Equal(head, allocator.GetHead(head + 15));
        Assert.Equal(4ul, machine.Frames[head + 1].Flags & 0xff);
        allocator.Get(head + 3);
        Assert.False(allocator.TrySplit(head, new Order(2)));
        Assert.False(allocator.Put(Cpu0, head + 7));
        Assert.True(allocator.TrySplit(head, new Order(2)));
        Assert.Equal(head + 4, allocator.GetHead(head + 6));
        for (uint i = 0; i < 16; i += 4)
        {
            Assert.True(allocator.Put(Cpu0, head + i + 1));
        }

        // __free_pages() of a block that someone still holds: all but the first frame go.
        Assert.True(allocator.TryAllocate(Cpu0, new Order(3), GfpFlags.Kernel, out Pfn block));
        allocator.Get(block);
        allocator.PutBlock(Cpu0, block, new Order(3));
        Assert.Equal(Order.Zero, allocator.GetOrder(block));
        allocator.Free(Cpu0, block, Order.Zero);
        Assert.Empty(allocator.Verify());
        Assert.Empty(machine.Log.Items);
    }

#if !DEBUG
    // The slow path's request object lives on the stack where the compiler proves that it may: optimised code only.
    [Fact]
    public void Allocating_and_freeing_costs_no_managed_memory()
    {
        using TestMachine machine = new(64 * MiB);
        PageAllocator allocator = machine.Allocator;
        Pfn[] live = new Pfn[2000];
        Assert.Equal(0, Support.HostAllocations.LeastOf(Round));

        void Round()
        {
            foreach (int order in (ReadOnlySpan<int>)[0, 2, 5, 9])
            {
                int count = 2000 >> order;
                for (int i = 0; i < count; i++)
                {
                    _ = allocator.TryAllocate(Cpu0, new Order(order), i % 3 == 0 ? GfpFlags.Kernel : GfpFlags.HighUserMovable, out live[i]);
                }

                for (int i = 0; i < count; i++)
                {
                    allocator.Free(Cpu0, live[i], new Order(order));
                }
            }
        }
    }
#endif
}
