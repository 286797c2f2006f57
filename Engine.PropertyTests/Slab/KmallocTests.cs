using Engine.Core.Slab;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.Slab;

/// <summary>kmalloc, merging, slabinfo, shrink.</summary>
public sealed class KmallocTests
{
    private static readonly CpuId Cpu = new(0);

    [Fact]
    public void Every_size_gets_the_smallest_cache_that_holds_it()
    {
        using SlabMachine machine = new(1);
        int[] sizes = [8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192];
        for (int size = 1; size <= KmallocCaches.CacheBytesMax; size++)
        {
            Assert.Equal(sizes.First(cacheSize => cacheSize >= size), machine.System.Kmalloc.CacheOf(KmallocFamily.Normal, size).ObjectBytes);
        }
    }

    [Fact]
    public void Flags_pick_the_family()
    {
        using SlabMachine machine = new(1);
        (GfpFlags Gfp, string Name)[] expected =
        [
            (GfpFlags.Kernel, "kmalloc-64"), (GfpFlags.Kernel | GfpFlags.Reclaimable, "kmalloc-rcl-64"), (GfpFlags.KernelAccount, "kmalloc-cg-64"),
            (GfpFlags.KernelAccount | GfpFlags.Reclaimable, "kmalloc-rcl-64"),
        ];
        foreach ((GfpFlags gfp, string name) in expected)
        {
            Assert.True(machine.System.Kmalloc.TryAllocate(Cpu, 50, gfp, out PhysAddr address));
            Assert.True(machine.System.TryFindCache(address, out SlabCache? cache));
            Assert.Equal(name, cache.Name);
        }
    }

    [Fact]
    public void Sizes_of_zero_and_beyond_all_caches()
    {
        using SlabMachine machine = new(1);
        KmallocCaches kmalloc = machine.System.Kmalloc;
        Assert.True(kmalloc.TryAllocate(Cpu, 0, GfpFlags.Kernel, out PhysAddr zero));
        Assert.Equal(0x10UL, zero.ToUInt64());
        kmalloc.Free(Cpu, zero);
        kmalloc.Free(Cpu, default);
        Assert.True(kmalloc.TryAllocate(Cpu, 8193, GfpFlags.Kernel | GfpFlags.Zero, out PhysAddr large));
        Assert.Equal((16384UL, 4UL), (kmalloc.SizeOf(large), kmalloc.LargePages));
        kmalloc.Free(Cpu, large);
        Assert.Equal((0UL, 0UL), (kmalloc.SizeOf(large), kmalloc.LargePages));
        Assert.Equal(0, machine.Log.Count);
        kmalloc.Free(Cpu, large);
        Assert.False(kmalloc.TryAllocate(Cpu, KmallocCaches.BytesMax + 1, GfpFlags.Kernel, out _));
        Assert.False(kmalloc.TryAllocate(Cpu, ulong.MaxValue, GfpFlags.Kernel, out _));
        Assert.Equal(
            [$"object pointer: 0x{large.ToUInt64():x16}", "kmalloc of more than KMALLOC_MAX_SIZE", "kmalloc of more than KMALLOC_MAX_SIZE"],
            machine.Log.Items.Select(item => item.Reason));
    }

    [Fact]
    public void Random_reallocation_keeps_contents() =>
        ModelProperty.Check(
            from slot in Gen.Choose(0, 7)
            from size in Gen.Frequency((3, Gen.Choose(0, 300)), (1, Gen.Choose(0, 20000)))
            select (slot, size),
            steps =>
            {
                using SlabMachine machine = new(2);
                KmallocCaches kmalloc = machine.System.Kmalloc;
                (PhysAddr Address, int Size)[] held = new (PhysAddr, int)[8];
                foreach ((int slot, int size) in steps)
                {
                    CpuId cpu = new(size & 1);
                    Assert.True(kmalloc.TryReallocate(cpu, held[slot].Address, (ulong)size, GfpFlags.Kernel, out PhysAddr moved));
                    int kept = Math.Min(held[slot].Size, size);
                    Assert.True(size == 0 || machine.Memory.GetSpan(moved, kept).IndexOfAnyExcept((byte)(slot + 1)) < 0);
                    Assert.True(size == 0 || kmalloc.SizeOf(moved) >= (ulong)size);
                    Assert.True(size == 0 || !int.IsPow2(size) || size > 8192 || moved.ToUInt64() % (ulong)size == 0);
                    held[slot] = (moved, size);
                    if (size > 0)
                    {
                        machine.Memory.GetSpan(moved, size).Fill((byte)(slot + 1));
                    }
                }

                foreach ((PhysAddr address, _) in held)
                {
                    kmalloc.Free(Cpu, address);
                }

                Assert.Equal(0UL, machine.System.Caches.Aggregate(0UL, (sum, cache) => sum + (cache.Verify(out ulong live) == 0 ? live : 1)));
                Assert.Equal((0UL, 0), (kmalloc.LargePages, machine.Log.Count));
            },
            tests: 20,
            length: 100);

    [Fact]
    public void Caches_that_fit_are_merged()
    {
        using SlabMachine machine = new(1);
        SlabCache first = machine.System.Create("first", 60);
        SlabCache second = machine.System.Create("second", 64);
        SlabCache aligned = machine.System.Create("aligned", 60, 128);
        SlabCache accounted = machine.System.Create("accounted", 64, 0, SlabFlags.Account);
        SlabCache constructed = machine.System.Create("constructed", 64, 0, SlabFlags.None, content => content.Fill(7));
        Assert.Same(first, second.Root);
        Assert.Equal(2, second.Users);
        Assert.All([aligned, accounted, constructed], cache => Assert.Same(cache, cache.Root));
        Assert.True(second.TryAllocate(Cpu, GfpFlags.Kernel, out PhysAddr address));
        first.Free(Cpu, address);
        Assert.True(constructed.TryAllocate(Cpu, GfpFlags.Kernel, out PhysAddr made));
        Assert.Equal(-1, machine.Memory.GetSpan(made, 64).IndexOfAnyExcept((byte)7));
        Assert.Equal(0, machine.Log.Count);
    }

    [Fact]
    public void Slabinfo_is_Linuxs_text()
    {
        using SlabMachine machine = new(2, new SlabOptions { UseObjectStacks = false });
        SlabCache cache = machine.System.Create("vm_area_struct", 184, 0, SlabFlags.HwCacheAlign);
        PhysAddr[] taken = [.. Enumerable.Range(0, 50).Select(_ => cache.TryAllocate(Cpu, GfpFlags.Kernel, out PhysAddr address) ? address : default)];
        Assert.Equal(
            "slabinfo - version: 2.1\n"
            + "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n"
            + "vm_area_struct        63     63    192   21    1 : tunables    0    0    0 : slabdata      3      3      0\n",
            SlabInfo.Format(machine.System));
        foreach (PhysAddr address in taken)
        {
            cache.Free(Cpu, address);
        }

        Assert.Equal(0UL, cache.Shrink(Cpu));
        Assert.EndsWith("vm_area_struct         0      0    192   21    1 : tunables    0    0    0 : slabdata      0      0      0\n", SlabInfo.Format(machine.System), StringComparison.Ordinal);
    }

    [SharedDataFact("data/machine/slabinfo.txt")]
    public void Kmalloc_lines_have_the_real_machines_geometry_and_order()
    {
        using SlabMachine machine = new(2);
        _ = machine.System.Kmalloc;
        string[] real = [.. File.ReadLines(SharedData.Find("data/machine/slabinfo.txt")!).Where(line => line.Contains("kmalloc-", StringComparison.Ordinal)).Select(Geometry)];
        string[] found = [.. SlabInfo.Format(machine.System).Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(2).Select(Geometry)];
        Assert.Equal(52, real.Length);
        Assert.Equal(real, found);

        static string Geometry(string line)
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return string.Join(' ', words[0], words[3], words[4], words[5]);
        }
    }

    [Fact]
    public void Shrink_gives_back_every_empty_slab()
    {
        using SlabMachine machine = new(4);
        SlabCache cache = machine.System.Create("shrinking", 256);
        List<PhysAddr> live = [];
        for (int i = 0; i < 5000; i++)
        {
            Assert.True(cache.TryAllocate(new CpuId(i % 4), GfpFlags.Kernel, out PhysAddr address));
            live.Add(address);
        }

        ulong before = machine.System.UnreclaimablePages;
        foreach (PhysAddr address in live.Skip(1))
        {
            cache.Free(new CpuId((int)(address.ToUInt64() >> 8) % 4), address);
        }

        Assert.Equal(1UL, cache.Shrink(Cpu));
        Assert.True(before > machine.System.UnreclaimablePages);
        Assert.Equal(0, cache.Verify(out ulong count));
        Assert.Equal(1UL, count);
        cache.Free(Cpu, live[0]);
        Assert.True(cache.Destroy(Cpu));
        Assert.Empty(machine.System.Caches);
        Assert.Equal(0, machine.Log.Count);
    }
}
