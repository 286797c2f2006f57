using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Units;
using Engine.Core.Zones;
using Xunit;

namespace Engine.PropertyTests.Buddy;

/// <summary>Descriptors that are checked at each free and each allocation, and small rules of taking and claiming.</summary>
public sealed class CheckedPagesTests
{
    private const ulong MiB = 1UL << 20;
    private static readonly CpuId Cpu0 = new(0);

    [Theory]
    [InlineData(FrameFlags.Dirty, 0, 0, "PAGE_FLAGS_CHECK_AT_PREP flag set")]
    [InlineData(FrameFlags.None, 1, 0, "nonzero _refcount")]
    [InlineData(FrameFlags.None, 0, 1, "nonzero mapcount")]
    [InlineData(FrameFlags.None, 1, 1, "nonzero _refcount")]
    [InlineData(FrameFlags.Head, 1, 1, "PAGE_FLAGS_CHECK_AT_PREP flag set")]
    [InlineData(FrameFlags.HwPoison, 0, 0, "")]
    public void A_free_page_that_someone_wrote_to_is_never_handed_out(FrameFlags flags, int references, int maps, string reason)
    {
        foreach (bool isListed in (bool[])[true, false])
        {
            using TestMachine machine = new(64 * MiB, new PageAllocatorOptions { CheckPages = true, IsDeterministic = true });
            PageAllocator allocator = machine.Allocator;
            Assert.True(allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.Kernel, out Pfn bad));
            allocator.Free(Cpu0, bad, Order.Zero);
            if (!isListed)
            {
                allocator.DrainAll(Cpu0);
            }

            ref Frame frame = ref machine.Frames[bad];
            (frame.Flags, frame.RefCount, frame.MapCount) = ((ulong)flags, references, maps);
            List<Pfn> taken = [];
            while (allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.Kernel | GfpFlags.MemAlloc, out Pfn pfn))
            {
                taken.Add(pfn);
            }

            Assert.DoesNotContain(bad, taken);
            Assert.Equal(reason, string.Join(',', machine.Log.Items.Select(item => item.Reason)));
            Assert.Empty(allocator.Verify());
            Assert.Equal(allocator.ManagedPages - 1, (ulong)taken.Count + allocator.Zones[0].ReservedHighAtomicPages);
        }
    }

    [Fact]
    public void Of_several_reasons_the_last_one_is_named_and_a_tail_is_looked_at_as_the_kernel_does()
    {
        using TestMachine machine = new(64 * MiB, new PageAllocatorOptions { CheckPages = true });
        PageAllocator allocator = machine.Allocator;
        Expect("nonzero mapcount", Order.Zero, pfn => machine.Frames[pfn].MapCount = 1);
        Expect("non-NULL mapping", Order.Zero, pfn => (machine.Frames[pfn].MapCount, machine.Frames[pfn].Mapping) = (1, 5));
        Expect("nonzero _refcount", Order.Zero, pfn => (machine.Frames[pfn].Mapping, machine.Frames[pfn].RefCount) = (5, 7));
        Expect("PAGE_FLAGS_CHECK_AT_FREE flag(s) set", Order.Zero, pfn => (machine.Frames[pfn].Flags, machine.Frames[pfn].RefCount) = ((ulong)FrameFlags.Lru, 7));
        Expect("page still charged to cgroup", Order.Zero, pfn => (machine.Frames[pfn].Flags, machine.Frames[pfn].MemcgData) = ((ulong)FrameFlags.Lru, 1));
        Order order = new(3);
        Expect("nonzero entire_mapcount", order, pfn => machine.Frames[pfn + 1].Index = 1UL << 32);
        Expect("nonzero nr_pages_mapped", order, pfn => machine.Frames[pfn + 1].Private = 1);
        Expect("corrupted mapping in tail page", order, pfn => (machine.Frames[pfn + 5].Mapping, machine.Frames[pfn + 5].Previous) = (0, 0));
        Expect("PageTail not set", order, pfn => machine.Frames[pfn + 2].Previous = 0);
        Expect("compound_head not consistent", order, pfn => machine.Frames[pfn + 7].Previous += 2);

        // A page whose memory has failed is dropped, and no one complains.
        Assert.True(allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.Kernel, out Pfn poisoned));
        machine.Frames[poisoned].Flags = (ulong)FrameFlags.HwPoison;
        machine.Log.Clear();
        allocator.Free(Cpu0, poisoned, Order.Zero);
        Assert.Empty(machine.Log.Items);
        Assert.False(allocator.TryFindBlock(poisoned, out _, out _));
        Assert.Empty(allocator.Verify());

        void Expect(string reason, Order order, Action<Pfn> damage)
        {
            Assert.True(allocator.TryAllocate(Cpu0, order, GfpFlags.Kernel | GfpFlags.Comp, out Pfn pfn));
            damage(pfn);
            machine.Log.Clear();
            allocator.Free(Cpu0, pfn, order);
            Corruption found = Assert.Single(machine.Log.Items);
            Assert.Equal((CorruptionCategory.BadPageState, reason), (found.Category, found.Reason));
            Assert.Empty(allocator.Verify());
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(9)]
    public void Zeroed_pages_are_zero_whatever_was_in_them(int value)
    {
        using TestMachine machine = new(64 * MiB, new PageAllocatorOptions { IsDeterministic = true });
        PageAllocator allocator = machine.Allocator;
        Order order = new(value);
        foreach (GfpFlags gfp in (GfpFlags[])[GfpFlags.Kernel, GfpFlags.HighUserMovable | GfpFlags.Comp])
        {
            Assert.True(allocator.TryAllocate(Cpu0, order, gfp, out Pfn dirty));
            machine.Memory.GetSpan(dirty.Address, (int)order.LengthBytes).Fill(0xa5);
            allocator.Free(Cpu0, dirty, order);
            Assert.True(allocator.TryAllocate(Cpu0, order, gfp | GfpFlags.Zero, out Pfn clean));
            Assert.Equal(dirty, clean);
            Assert.False(machine.Memory.GetSpan(clean.Address, (int)order.LengthBytes).ContainsAnyExcept((byte)0));
        }
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    public void A_pageblock_that_the_zones_edge_cuts_is_not_claimed(int block, bool isClaimed)
    {
        const uint First = 0x40000;
        ZoneSpan span = new(0, ZoneType.Normal, new Pfn(First + 100), 16384 - 100);
        using TestMachine machine = new(64 * MiB, new PageAllocatorOptions { IsDeterministic = true, Zones = [span] });
        PageAllocator allocator = machine.Allocator;
        List<Pfn> live = [];
        while (allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.HighUserMovable | GfpFlags.MemAlloc | GfpFlags.NoRetry, out Pfn pfn))
        {
            live.Add(pfn);
        }

        // Nearly all of it is free, so that it would be claimed.
        foreach (Pfn pfn in live.Where(pfn => (pfn.ToUInt32() - First) / 512 == block).Skip(1))
        {
            allocator.Free(Cpu0, pfn, Order.Zero);
        }

        allocator.DrainAll(Cpu0);
        List<ExtFragEvent> events = [];
        allocator.ExtFragObserver = events.Add;
        Assert.True(allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.Kernel | GfpFlags.MemAlloc, out Pfn taken));
        Assert.Equal(block, (int)((taken.ToUInt32() - First) / 512));
        Assert.All(events, one => Assert.Equal(isClaimed, one.ChangeOwnership));
        Assert.NotEmpty(events);
        Assert.Equal(isClaimed ? MigrateType.Unmovable : MigrateType.Movable, allocator.GetMigrateType(taken));
        Assert.Empty(allocator.Verify());
    }

    [Fact]
    public void Bulk_allocation_comes_from_one_zones_lists_and_stops_where_its_watermark_does()
    {
        using TestMachine machine = new(64 * MiB, new PageAllocatorOptions { IsDeterministic = true });
        PageAllocator allocator = machine.Allocator;
        Zone zone = allocator.Zones[0];
        Pfn[] pages = new Pfn[100];
        Array.Fill(pages, Pfn.None);
        Assert.True(allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.Kernel, out pages[0]));
        Assert.True(allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.Kernel, out pages[50]));
        (Pfn first, Pfn middle) = (pages[0], pages[50]);
        Assert.Equal(100, allocator.AllocateBulk(Cpu0, GfpFlags.Kernel, pages));
        Assert.Equal((first, middle), (pages[0], pages[50]));
        Assert.Equal(100, pages.Distinct().Count());

        // With the watermark out of reach one page comes the ordinary way, and no more.
        while (zone.FreePages > zone.GetWatermark(Watermark.Low) + 50)
        {
            Assert.True(allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.Kernel, out _));
        }

        Array.Fill(pages, Pfn.None);
        Assert.Equal(1, allocator.AllocateBulk(Cpu0, GfpFlags.Kernel, pages));
        Assert.Equal(2, allocator.AllocateBulk(Cpu0, GfpFlags.Kernel, pages.AsSpan(0, 2)));
        Assert.Equal(1, allocator.AllocateBulk(Cpu0, GfpFlags.Kernel | GfpFlags.Account, [Pfn.None, Pfn.None, Pfn.None]));
        Assert.Empty(allocator.Verify());
    }
}
