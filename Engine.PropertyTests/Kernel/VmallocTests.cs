using System.Globalization;
using Engine.Arm64.Kernel;
using Engine.Arm64.Units;
using Engine.Core.Units;
using Engine.PropertyTests.Slab;
using Engine.PropertyTests.Support;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.Kernel;

/// <summary>vmalloc against an interval model and a dictionary of mappings.</summary>
public sealed class VmallocTests
{
    private const ulong Start = 0xffff_8000_8000_0000;
    private static readonly CpuId Cpu = new(0);

    [Fact]
    public void Areas_never_overlap_keep_their_guards_and_free_everything() =>
        ModelProperty.Check(Step(), steps => Run(steps, plantsBug: false), tests: 40, length: 80);

    [Fact]
    public void A_mapping_that_was_lost_is_seen() =>
        ModelProperty.MustFail(Step(), steps => Run(steps, plantsBug: true), tests: 20, length: 40);

    [Fact]
    public void Addresses_are_the_lowest_that_fit_with_a_guard_page_between()
    {
        using SlabMachine machine = new(1);
        ModelMapper mapper = new();
        Vmalloc vmalloc = new(machine.System, mapper);
        VirtAddr[] taken = [.. new ulong[] { 4096, 8192, 100, 4096 }.Select(size => Take(vmalloc, size))];
        Assert.Equal([0UL, 2 * 4096, 5 * 4096, 7 * 4096], taken.Select(address => address.ToUInt64() - Start));
        vmalloc.Free(Cpu, taken[1]);
        Assert.Equal(9UL * 4096, Take(vmalloc, 4096).ToUInt64() - Start);
        vmalloc.Purge(Cpu);
        Assert.Equal(1, mapper.Flushes);
        Assert.Equal(2UL * 4096, Take(vmalloc, 8192).ToUInt64() - Start);
        Assert.Equal(0, vmalloc.Verify());
    }

    [Fact]
    public void Pages_are_consecutive_in_addresses_and_scattered_in_memory()
    {
        using SlabMachine machine = new(1);
        ModelMapper mapper = new();
        Vmalloc vmalloc = new(machine.System, mapper);
        List<Pfn> holes = [];
        for (int i = 0; i < 200; i++)
        {
            Assert.True(machine.Pages.TryAllocate(Cpu, Order.Zero, GfpFlags.Kernel, out Pfn pfn));
            holes.Add(pfn);
        }

        for (int i = 0; i < 200; i += 2)
        {
            machine.Pages.Free(Cpu, holes[i], Order.Zero);
        }

        VirtAddr address = Take(vmalloc, 64 * 4096);
        ulong[] physical = [.. mapper.Pages.Where(page => page.Key >= address.ToUInt64()).Select(page => page.Value.Physical)];
        Assert.Equal(64, physical.Distinct().Count());
        Assert.Contains(physical.Zip(physical.Skip(1)), pair => pair.Second != pair.First + 4096);
    }

    [Fact]
    public void Lazily_freed_pages_are_flushed_together_at_the_limit()
    {
        using SlabMachine machine = new(1, lengthBytes: 64UL << 20);
        ModelMapper mapper = new();
        Vmalloc vmalloc = new(machine.System, mapper);
        Assert.Equal(8192UL, vmalloc.LazyPagesMax);
        ulong pages = 0;
        while (pages + 101 <= vmalloc.LazyPagesMax)
        {
            vmalloc.Free(Cpu, Take(vmalloc, 100 * 4096));
            pages += 101;
            Assert.Equal((0, pages), (mapper.Flushes, vmalloc.LazyPages));
        }

        vmalloc.Free(Cpu, Take(vmalloc, 100 * 4096));
        Assert.Equal((1, 0UL, 0UL), (mapper.Flushes, vmalloc.LazyPages, vmalloc.Pages));
    }

    [Fact]
    public void Huge_areas_use_blocks_and_fall_back_to_pages()
    {
        using SlabMachine machine = new(1, lengthBytes: 32UL << 20);
        ModelMapper mapper = new();
        Vmalloc vmalloc = new(machine.System, mapper);
        Assert.True(vmalloc.TryAllocate(Cpu, 3UL << 20, GfpFlags.Kernel, VmallocFlags.AllowHuge, 0, out VirtAddr block));
        Assert.Equal((0UL, 1024UL), (block.ToUInt64() % (2UL << 20), vmalloc.Pages));
        Assert.True(vmalloc.TryAllocate(Cpu, 70_000, GfpFlags.Kernel, VmallocFlags.AllowHuge, 0, out VirtAddr run));
        Assert.Equal((0UL, 1024UL + 32), (run.ToUInt64() % 65536, vmalloc.Pages));
        Assert.True(vmalloc.TryAllocate(Cpu, 17UL << 20, GfpFlags.Kernel, VmallocFlags.AllowHuge, 0, out VirtAddr large));
        vmalloc.Free(Cpu, block);
        vmalloc.Free(Cpu, run);
        vmalloc.Free(Cpu, large);
        Assert.Equal((0UL, 0, 0), (vmalloc.Pages, vmalloc.AreaCount, mapper.Pages.Count));
        Assert.Equal(0, vmalloc.Verify());
    }

    [Fact]
    public void Devices_and_borrowed_frames_are_mapped_and_listed()
    {
        using SlabMachine machine = new(1);
        ModelMapper mapper = new();
        Vmalloc vmalloc = new(machine.System, mapper);
        Assert.True(vmalloc.TryAllocate(Cpu, 8192, GfpFlags.Kernel, VmallocFlags.None, 0xffff_8000_8001_0000, out _));
        Assert.True(vmalloc.TryMapDevice(Cpu, new PhysAddr(0x0900_0010), 0x1000, 0, out VirtAddr device));
        Assert.Equal(0x10UL, device.ToUInt64() & 0xfff);
        Assert.True(vmalloc.TryMap(Cpu, [new Pfn(0x40010), new Pfn(0x40020)], 0, out VirtAddr mapped));
        Assert.Equal(
            "0xffff800080000000-0xffff800080003000   12288 0xffff800080010000 pages=2 vmalloc N0=2\n"
            + "0xffff800080004000-0xffff800080007000   12288 phys=0x0000000009000000 ioremap\n"
            + "0xffff800080007000-0xffff80008000a000   12288 vmap\n",
            vmalloc.FormatInfo());
        Assert.False(vmalloc.TryMapDevice(Cpu, new PhysAddr(0x4000_0000), 0x1000, 0, out _));
        Assert.False(vmalloc.TryMapDevice(Cpu, new PhysAddr(0x0900_0000), 0, 0, out _));
        Assert.False(vmalloc.TryMapDevice(Cpu, new PhysAddr(ulong.MaxValue), 2, 0, out _));
        vmalloc.Unmap(Cpu, device);
        vmalloc.Unmap(Cpu, mapped);
        Assert.Contains("0xffff800080007000-0xffff80008000a000   12288 unpurged vm_area\n", vmalloc.FormatInfo(), StringComparison.Ordinal);
        Assert.Equal((0, 0L), (vmalloc.Verify(), machine.Log.Count));
    }

    [Fact]
    public void Bad_calls_are_reported_and_change_nothing()
    {
        using SlabMachine machine = new(1);
        Vmalloc vmalloc = new(machine.System, new ModelMapper());
        VirtAddr address = Take(vmalloc, 8192);
        vmalloc.Free(Cpu, default);
        vmalloc.Free(Cpu, address + 4096);
        vmalloc.Free(Cpu, address + 1);
        vmalloc.Free(Cpu, new VirtAddr(0x1000));
        Assert.Equal(2UL, vmalloc.Pages);
        vmalloc.Free(Cpu, address);
        vmalloc.Free(Cpu, address);
        string first = address.ToUInt64().ToString("x16", CultureInfo.InvariantCulture);
        Assert.Equal(
            [
                $"Trying to vfree() nonexistent vm area (0x{address.ToUInt64() + 4096:x16})", $"Trying to vfree() bad address (0x{address.ToUInt64() + 1:x16})",
                "Trying to vfree() nonexistent vm area (0x0000000000001000)", $"Trying to vfree() nonexistent vm area (0x{first})",
            ],
            machine.Log.Items.Select(item => item.Reason));
        Assert.False(vmalloc.TryAllocate(Cpu, 0, GfpFlags.Kernel, VmallocFlags.None, 0, out _));
        Assert.False(vmalloc.TryAllocate(Cpu, 1UL << 40, GfpFlags.Kernel, VmallocFlags.None, 0, out _));
        machine.Log.Clear();
        Assert.Equal(0, vmalloc.Verify());
    }

    [Fact]
    public void A_range_that_is_used_up_is_purged_before_it_fails()
    {
        using SlabMachine machine = new(1);
        Vmalloc vmalloc = new(machine.System, new ModelMapper(), new VirtAddr(Start), new VirtAddr(Start + (64 * 4096)));
        for (int i = 0; i < 200; i++)
        {
            vmalloc.Free(Cpu, Take(vmalloc, (ulong)(1 + (i % 50)) * 4096));
        }

        Assert.False(vmalloc.TryAllocate(Cpu, 64 * 4096, GfpFlags.Kernel, VmallocFlags.None, 0, out _));
        Assert.Contains("vmap allocation for size 266240 failed: use vmalloc=<size> to increase size\n", machine.System.Printed);
        Assert.Equal((0UL, 0), (vmalloc.Pages, vmalloc.Verify()));
    }

    private static Gen<(int Kind, int Size, int Pick)> Step() =>
        from kind in Gen.Frequency((5, Gen.Constant(0)), (4, Gen.Constant(1)), (1, Gen.Choose(2, 5)))
        from size in Gen.Frequency((4, Gen.Choose(1, 20 * 4096)), (1, Gen.Choose(1, 600 * 4096)))
        from pick in Gen.Choose(0, 1000)
        select (kind, size, pick);

    private static void Run(IReadOnlyList<(int Kind, int Size, int Pick)> steps, bool plantsBug)
    {
        using SlabMachine machine = new(2);
        ModelMapper mapper = new();
        Vmalloc vmalloc = new(machine.System, mapper);
        SortedDictionary<ulong, ulong> live = [];
        foreach ((int kind, int size, int pick) in steps)
        {
            CpuId cpu = new(pick & 1);
            mapper.Room = kind == 4 ? pick % 8 : int.MaxValue;
            if (kind is 1 && live.Count > 0)
            {
                ulong address = live.Keys.ElementAt(pick % live.Count);
                vmalloc.Free(cpu, new VirtAddr(address));
                live.Remove(address);
            }
            else if (kind == 2)
            {
                vmalloc.Purge(cpu);
            }
            else if (vmalloc.TryAllocate(cpu, (ulong)size, GfpFlags.NoWait, kind == 5 ? VmallocFlags.AllowHuge : VmallocFlags.None, 0, out VirtAddr address))
            {
                live.Add(address.ToUInt64(), (ulong)size);
            }
        }

        if (plantsBug && live.Count > 0)
        {
            mapper.Pages.Remove(live.Keys.First());
        }

        Check(vmalloc, mapper, live);
        mapper.Room = int.MaxValue;
        foreach (ulong address in live.Keys)
        {
            vmalloc.Free(Cpu, new VirtAddr(address));
        }

        Assert.Empty(mapper.Pages);
        vmalloc.Purge(Cpu);
        Assert.Equal((0UL, 0, 0, 0L), (vmalloc.Pages, vmalloc.AreaCount, vmalloc.Verify(), machine.Log.Count));
    }

    private static void Check(Vmalloc vmalloc, ModelMapper mapper, SortedDictionary<ulong, ulong> live)
    {
        Assert.Equal(0, vmalloc.Verify());
        Assert.Equal(mapper.Pages.Count, mapper.Pages.Values.Select(page => page.Physical).Distinct().Count());
        ulong end = 0;
        foreach ((ulong address, ulong size) in live)
        {
            Assert.True(address >= end, "areas overlap, or touch without a guard page");
            for (ulong page = address; page < address + size; page += 4096)
            {
                Assert.True(mapper.Pages.ContainsKey(page), $"page 0x{page:x} of an area is not mapped");
            }

            end = address + ((size + 4095) & ~4095UL) + 4096;
            Assert.False(mapper.Pages.ContainsKey(end - 4096) && size < 65536, "a guard page is mapped");
        }
    }

    private static VirtAddr Take(Vmalloc vmalloc, ulong size)
    {
        Assert.True(vmalloc.TryAllocate(Cpu, size, GfpFlags.Kernel, VmallocFlags.None, 0, out VirtAddr address));
        return address;
    }
}
