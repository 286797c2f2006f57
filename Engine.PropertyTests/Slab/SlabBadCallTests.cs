using Engine.Core.Slab;
using Engine.Core.Units;
using Xunit;

namespace Engine.PropertyTests.Slab;

/// <summary>Bad calls on caches without debug options: each is reported and contained, and nothing is lost or handed out twice.</summary>
public sealed class SlabBadCallTests
{
    private static readonly CpuId Cpu = new(0);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Bad_frees_are_reported_and_nothing_is_lost(bool usesStacks)
    {
        using SlabMachine machine = new(2, new SlabOptions { UseObjectStacks = usesStacks, HardenedFreeLists = !usesStacks });
        SlabCache cache = machine.System.Create("first", 104, 0, SlabFlags.NoMerge);
        SlabCache other = machine.System.Create("second", 104, 0, SlabFlags.NoMerge);
        PhysAddr address = Take(cache);
        PhysAddr foreign = Take(other);
        Assert.True(machine.Pages.TryAllocate(Cpu, Order.Zero, GfpFlags.Kernel, out Pfn page));
        ulong slabStart = address.ToUInt64() & ~(cache.Geometry.SlabOrder.LengthBytes - 1);
        cache.Free(Cpu, page.Address);
        cache.Free(Cpu, new PhysAddr(0));
        cache.Free(Cpu, new PhysAddr(ulong.MaxValue));
        cache.Free(Cpu, address + 1);
        cache.Free(Cpu, address + 8);
        cache.Free(Cpu, new PhysAddr(slabStart + ((ulong)cache.Geometry.ObjectsPerSlab * 104)));
        cache.Free(Cpu, foreign);
        cache.Free(Cpu, address);
        cache.Free(Cpu, address);
        const string NoSlab = "virt_to_cache: Object is not a Slab page!";
        Assert.Equal(
            [
                NoSlab, NoSlab, NoSlab, $"Invalid object pointer 0x{address.ToUInt64() + 1:x16}", $"Invalid object pointer 0x{address.ToUInt64() + 8:x16}",
                $"Invalid object pointer 0x{slabStart + ((ulong)cache.Geometry.ObjectsPerSlab * 104):x16}",
                "cache_from_obj: Wrong slab cache. first but object is from second", "Object already free",
            ],
            machine.Log.Items.Select(item => item.Reason));

        // Every object is there once, in the cache that it belongs to.
        machine.Log.Clear();
        HashSet<PhysAddr> taken = [.. Enumerable.Range(0, 500).Select(_ => Take(cache))];
        Assert.Equal(500, taken.Count);
        foreach (PhysAddr one in taken)
        {
            cache.Free(Cpu, one);
        }

        Assert.Equal(0, cache.Verify(out ulong live) + other.Verify(out ulong liveOther));
        Assert.Equal((0UL, 0UL), (live, liveOther));
        Assert.True(cache.Destroy(Cpu) && other.Destroy(Cpu));
        Assert.Equal(0, machine.Log.Count);
    }

    [Fact]
    public void A_free_on_another_cpu_of_what_is_on_no_slab_is_reported_there_too()
    {
        using SlabMachine machine = new(2);
        SlabCache cache = machine.System.Create("first", 64, 0, SlabFlags.NoMerge);
        PhysAddr address = Take(cache);
        cache.Free(new CpuId(1), address + 32);
        cache.Free(new CpuId(1), address);
        cache.Free(new CpuId(1), address);
        Assert.Equal([$"Invalid object pointer 0x{address.ToUInt64() + 32:x16}", "Object already free"], machine.Log.Items.Select(item => item.Reason));
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.Free(new CpuId(2), address));
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.TryAllocate(new CpuId(-1), GfpFlags.Kernel, out _));
    }

    [Fact]
    public void Every_place_of_a_slab_that_is_no_objects_start_is_refused()
    {
        foreach (int size in (int[])[8, 24, 40, 96, 104, 192, 200, 1000, 1024, 3000, 4096])
        {
            using SlabMachine machine = new(1);
            SlabCache cache = machine.System.Create("sized", size, 0, SlabFlags.NoMerge);
            PhysAddr address = Take(cache);
            ulong slabBytes = cache.Geometry.SlabOrder.LengthBytes;
            ulong start = address.ToUInt64() & ~(slabBytes - 1);
            ulong step = (ulong)cache.Geometry.SizeBytes;
            long expected = 0;
            for (ulong place = 0; place < slabBytes; place++)
            {
                if (place % step != 0 || place / step >= (ulong)cache.Geometry.ObjectsPerSlab)
                {
                    cache.Free(Cpu, new PhysAddr(start + place));
                    expected++;
                }
            }

            Assert.Equal(expected, machine.Log.Count);
            cache.Free(Cpu, address);
            Assert.Equal((expected, 0, 0UL), (machine.Log.Count, cache.Verify(out ulong live), live));
        }
    }

    [Fact]
    public void Sizes_that_no_cache_can_have_are_refused()
    {
        using SlabMachine machine = new(1);
        int caches = machine.System.Caches.Count;
        Assert.Throws<ArgumentOutOfRangeException>(() => machine.System.Create("empty", 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => machine.System.Create("negative", -8));
        Assert.Throws<ArgumentOutOfRangeException>(() => machine.System.Create("huge", (4 << 20) + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => machine.System.Create("askew", 64, 48));
        Assert.Equal(caches, machine.System.Caches.Count);
    }

    private static PhysAddr Take(SlabCache cache)
    {
        Assert.True(cache.TryAllocate(Cpu, GfpFlags.Kernel, out PhysAddr address));
        return address;
    }
}
