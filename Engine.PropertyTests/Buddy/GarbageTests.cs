using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics.Procfs;
using Engine.Core.PerCpu;
using Engine.Core.Units;
using Engine.Core.Zones;
using Mmsim.Fuzz;
using Xunit;

namespace Engine.PropertyTests.Buddy;

/// <summary>Whatever the allocator's own data turns into, the host stays unharmed: no access outside, no endless loop, no crash.</summary>
public sealed class GarbageTests
{
    private static readonly CpuId Cpu0 = new(0);

    [Theory]
    [InlineData("pageblock table")]
    [InlineData("free maps")]
    [InlineData("free area bitmaps")]
    [InlineData("zones")]
    [InlineData("frame states")]
    [InlineData("per-cpu page lists")]
    [InlineData("deferred frees")]
    [InlineData("frame table")]
    public void Flipped_bits_and_garbage_are_survived(string region)
    {
        int detected = 0;
        for (ulong seed = 0; seed < 12; seed++)
        {
            detected += Survive(region, seed) ? 1 : 0;
        }

        // The states, maps and trees contradict each other soon; a descriptor's content is checked only on request.
        Assert.True(detected > 0 || region is "frame table" or "zones" or "deferred frees" or "free maps", $"nothing in {region} was noticed");
    }

    // Each word of a CPU's lists and of a zone, at the edges of what a number can be: what adds to it must not overflow.
    [Theory]
    [InlineData("zones", FreePart.SizeBytes + ZoneState.SizeBytes)]
    [InlineData("per-cpu page lists", PerCpuState.SizeBytes)]
    [InlineData("deferred frees", 256)]
    public void Counters_at_their_edges_are_survived(string region, int bytes)
    {
        foreach (ulong value in (ReadOnlySpan<ulong>)[ulong.MaxValue, long.MaxValue, 1UL << 63, 0x7fff_ffff_7fff_ffff, 0x8000_0000_8000_0000])
        {
            for (int at = 0; at < bytes; at += sizeof(ulong))
            {
                using TestMachine machine = new(32UL << 20, new PageAllocatorOptions { IsDeterministic = true });
                Use(machine.Allocator, 20);
                machine.Memory.GetRef<ulong>(machine.Layout.Regions.Single(one => one.Name == region).Start + (ulong)at) = value;
                Use(machine.Allocator, 60);
                Look(machine);
            }
        }
    }

    [Theory]
    [InlineData("zones", 0)] // the part: free pages
    [InlineData("zones", 8)] // the listed types' orders
    [InlineData("zones", 16)] // orders by type
    [InlineData("zones", 32)] // free CMA pages
    [InlineData("zones", 144)] // the zone, behind its only part: what the fast path compares with
    [InlineData("zones", 168)]
    [InlineData("zones", 272)] // high-atomic reserve
    [InlineData("zones", 352)] // isolated pageblocks
    [InlineData("zones", 360)] // leaked pages
    [InlineData("per-cpu page lists", 0)] // pages on the lists
    [InlineData("deferred frees", 8)] // pages put off
    [InlineData("deferred frees", 136)] // pages that came back
    [InlineData("free maps", 3)]
    [InlineData("free area bitmaps", 0)]
    [InlineData("pageblock table", 8)]
    [InlineData("frame states", 300)]
    public void Verify_finds_a_flipped_bit_in_whatever_follows_from_something_else(string region, int at)
    {
        using TestMachine machine = new(64UL << 20, new PageAllocatorOptions { IsDeterministic = true });
        Use(machine.Allocator, 20);
        Assert.True(machine.Allocator.TryAllocate(Cpu0, new Order(2), GfpFlags.HighUserMovable, out Pfn pfn));
        machine.Allocator.FreeDeferred(Cpu0, pfn, new Order(2));
        Assert.Empty(machine.Allocator.Verify());
        machine.Memory.GetRef<byte>(machine.Layout.Regions.Single(one => one.Name == region).Start + (ulong)at) ^= 1;
        Assert.NotEmpty(machine.Allocator.Verify());
    }

    // A pageblock that says it belongs to another zone: what is freed there must not reach that zone's bitmaps, which have no room for it.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_frame_of_a_pageblock_that_names_another_zone_is_not_freed_into_it(int order)
    {
        MemoryBank[] banks = [new(new PhysAddr(0xff000000), 16UL << 20), new(new PhysAddr(0x1_00000000), 64UL << 20)];
        using TestMachine machine = new(new PageAllocatorOptions { IsDeterministic = true }, banks);
        PageAllocator allocator = machine.Allocator;
        Assert.True(allocator.TryAllocate(Cpu0, new Order(order), GfpFlags.HighUserMovable, out Pfn pfn));
        Assert.Equal(1, allocator.FindZone(pfn)!.Index);
        allocator.DrainAll(Cpu0);
        MemoryRegion trees = machine.Layout.Regions.Single(one => one.Name == "free area bitmaps");
        byte[] before = machine.Memory.GetSpan(trees.Start, (int)trees.LengthBytes).ToArray();
        MemoryRegion table = machine.Layout.Regions.Single(one => one.Name == "pageblock table");
        uint first = machine.Frames.First.ToUInt32() >> Order.PageBlock.ToInt32() & ~1u;
        ulong entry = ((pfn.ToUInt32() >> Order.PageBlock.ToInt32()) - first) * PageBlock.SizeBytes;
        machine.Memory.GetRef<byte>(table.Start + entry + 11) = 1;
        allocator.Free(Cpu0, pfn, new Order(order));
        allocator.DrainAll(Cpu0);
        Assert.NotEqual(0, machine.Log.Count);
        Assert.Equal(before, machine.Memory.GetSpan(trees.Start, (int)trees.LengthBytes).ToArray());
    }

    [Fact]
    public void Diced_frames_of_an_impossible_number_are_reported_and_the_slot_is_used_again()
    {
        using TestMachine machine = new(256UL << 20, new PageAllocatorOptions { IsDeterministic = true });
        PageAllocator allocator = machine.Allocator;
        Assert.True(allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.HighUserMovable, out _));
        Assert.True(allocator.RunWorker() > 0);
        PhysAddr slot = machine.Layout.Regions.Single(one => one.Name == "deferred frees").Start + DeferredRing.SizeBytes + DicedBatch.SizeBytes;
        Assert.InRange(machine.Memory.GetRef<int>(slot), 1, DicedBatch.Capacity);
        machine.Memory.GetRef<int>(slot) = 1000;
        allocator.DrainAll(Cpu0);
        Assert.Contains("diced frames", Assert.Single(machine.Log.Items).Reason, StringComparison.Ordinal);
        Assert.Equal(0, machine.Memory.GetRef<int>(slot));
    }

    private static void Use(PageAllocator allocator, int steps)
    {
        List<(Pfn Pfn, Order Order)> live = [];
        for (int i = 0; i < steps; i++)
        {
            Order order = new(i % 5 == 4 ? 9 : i % 4);
            if (allocator.TryAllocate(Cpu0, order, i % 3 == 0 ? GfpFlags.Kernel : GfpFlags.HighUserMovable, out Pfn pfn))
            {
                live.Add((pfn, order));
            }

            if (i % 4 == 3 && live.Count != 0)
            {
                allocator.FreeDeferred(Cpu0, live[0].Pfn, live[0].Order);
                live.RemoveAt(0);
            }
        }

        _ = allocator.TryAllocate(Cpu0, new Order(4), GfpFlags.Atomic, out _);
        _ = allocator.AllocateBulk(Cpu0, GfpFlags.Kernel, new Pfn[4]);
        live.ForEach(one => allocator.Free(Cpu0, one.Pfn, one.Order));
        _ = allocator.RunWorker();
        allocator.Tick(Cpu0);
        allocator.ReduceBoost(allocator.Zones[0], 512);
        allocator.DrainAll(Cpu0);
    }

    private static void Look(TestMachine machine)
    {
        MachineProcfs procfs = new(machine.Allocator);
        foreach (string name in procfs.Names)
        {
            Assert.True(procfs.TryRead(name, out string text));
            Assert.NotEmpty(text);
        }

        _ = machine.Allocator.TotalReservePages;
        _ = machine.Allocator.DeferredPages;
        _ = machine.Allocator.DicedPages;
        _ = machine.Allocator.Verify();
    }

    private static bool Survive(string name, ulong seed)
    {
        SplitMix64 random = new(seed);
        using TestMachine machine = new(32UL << 20, new PageAllocatorOptions { IsDeterministic = true, CheckPages = seed % 2 == 0 });
        PageAllocator allocator = machine.Allocator;
        MemoryRegion region = machine.Layout.Regions.Single(one => one.Name == name);
        List<(Pfn Pfn, Order Order)> live = [];
        for (int i = 0; i < 3000; i++)
        {
            if (i % 100 == 50)
            {
                // A flipped bit, or a stretch of garbage.
                Span<byte> bytes = machine.Memory.GetSpan(region.Start, (int)region.LengthBytes);
                int at = random.Below((int)Math.Min(region.LengthBytes, seed < 6 ? 2048 : region.LengthBytes));
                bytes[at] ^= (byte)(1 << random.Below(8));
                int length = seed % 3 == 0 ? Math.Min(64, bytes.Length - at) : 0;
                foreach (ref byte one in bytes.Slice(at, length))
                {
                    one = (byte)random.Next();
                }
            }

            if (random.Below(2) == 0 || live.Count == 0)
            {
                Order order = new(random.Below(11));
                GfpFlags gfp = random.Below(2) == 0 ? GfpFlags.Kernel : GfpFlags.HighUserMovable | GfpFlags.Comp;
                if (allocator.TryAllocate(Cpu0, order, gfp, out Pfn pfn))
                {
                    Assert.True(machine.Frames.IsValid(pfn), $"{pfn} is no memory");
                    live.Add((pfn, order));
                }
            }
            else
            {
                int pick = random.Below(live.Count);
                allocator.Free(Cpu0, live[pick].Pfn, live[pick].Order);
                live.RemoveAt(pick);
            }

            if (i % 250 == 249)
            {
                allocator.FreeDeferred(Cpu0, live.Count != 0 ? live[0].Pfn : Pfn.None, live.Count != 0 ? live[0].Order : Order.Zero);
                _ = allocator.RunWorker();
                allocator.Tick(Cpu0);
                allocator.DrainAll(Cpu0);
                _ = allocator.Verify();
            }
        }

        return machine.Log.Count != 0 || allocator.Verify().Count != 0;
    }
}
