using Engine.Arm64;
using Engine.Arm64.Kernel;
using Engine.Arm64.Kernel.Map;
using Engine.Arm64.PageTables;
using Engine.Arm64.Units;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.Kernel;

/// <summary>vmalloc over the kernel's real page tables: what is written at consecutive addresses lies in the area's own frames.</summary>
public sealed class VmallocMapTests
{
    private static readonly CpuId Cpu = new(0);

    [Fact]
    public void Contents_of_areas_never_mix() => ModelProperty.Check(Step(), steps => Run(steps, plantsBug: false), tests: 25, length: 60);

    [Fact]
    public void A_page_mapped_twice_is_seen() => ModelProperty.MustFail(Step(), steps => Run(steps, plantsBug: true), tests: 25, length: 60);

    [Fact]
    public void Virtually_contiguous_is_physically_scattered()
    {
        using Machine machine = Boot();
        KernelMemory kernel = machine.Kernel;
        Pfn[] taken = [.. Enumerable.Range(0, 300).Select(_ => machine.Pages.TryAllocate(Cpu, Order.Zero, GfpFlags.Kernel, out Pfn pfn) ? pfn : Pfn.None)];
        for (int i = 0; i < taken.Length; i += 3)
        {
            machine.Pages.Free(Cpu, taken[i], Order.Zero);
        }

        Assert.True(kernel.Vmalloc.TryAllocate(Cpu, 64 * 4096, GfpFlags.Kernel, VmallocFlags.None, 0, out VirtAddr area));
        byte[] pattern = [.. Enumerable.Range(0, 64 * 4096).Select(i => (byte)(i * 7 / 3))];
        Assert.True(kernel.Access.TryWrite(machine.Cpus[0], area, pattern));
        byte[] read = new byte[pattern.Length];
        Assert.True(kernel.Access.TryRead(machine.Cpus[0], area, read));
        Assert.Equal(pattern, read);
        Pfn[] frames = [.. Enumerable.Range(0, 64).Select(i => kernel.Map.Tables.Read(area + ((ulong)i * 4096)).Pfn)];
        Assert.Equal(64, frames.Distinct().Count());
        Assert.True(frames.Zip(frames.Skip(1)).Count(pair => pair.Second != pair.First + 1) >= 20);
        for (int i = 0; i < 64; i++)
        {
            Assert.True(machine.Memory.GetFrame(frames[i]).SequenceEqual(pattern.AsSpan(i * 4096, 4096)));
        }
    }

    [Fact]
    public void Huge_areas_are_blocks_also_where_pages_were_before()
    {
        using Machine machine = Boot();
        KernelMemory kernel = machine.Kernel;
        Assert.True(kernel.Vmalloc.TryAllocate(Cpu, 6UL << 20, GfpFlags.Kernel, VmallocFlags.None, 0, out VirtAddr small));
        kernel.Vmalloc.Free(Cpu, small);
        kernel.Vmalloc.Purge(Cpu);
        Assert.True(kernel.Vmalloc.TryAllocate(Cpu, 4UL << 20, GfpFlags.Kernel, VmallocFlags.AllowHuge, 0, out VirtAddr huge));
        Assert.True(huge < small + (6UL << 20));
        kernel.Map.Tables.Read(huge + 12345, out int level);
        Assert.Equal(2, level);
        Assert.True(kernel.Access.TryWrite(machine.Cpus[0], huge + (3UL << 20), 0xabcdUL));
        Assert.True(kernel.Vmalloc.TryAllocate(Cpu, 128UL << 10, GfpFlags.Kernel, VmallocFlags.AllowHuge, 0, out VirtAddr run));
        Assert.True(kernel.Map.Tables.Read(run, out level).IsContiguous);
        Assert.Equal(3, level);
        kernel.Vmalloc.Free(Cpu, huge);
        kernel.Vmalloc.Free(Cpu, run);
        Assert.True(kernel.Map.Tables.Read(huge).IsNone && kernel.Map.Tables.Read(run).IsNone);
        Assert.Equal((0, 0L), (kernel.Vmalloc.Verify(), machine.Log.Count));
    }

    [Fact]
    public void A_freed_area_stays_in_the_TLB_until_one_flush_for_all()
    {
        using Machine machine = Boot();
        KernelMemory kernel = machine.Kernel;
        Cpu other = machine.Cpus[1];
        VirtAddr[] areas = [.. Enumerable.Range(0, 3).Select(_ => kernel.Vmalloc.TryAllocate(Cpu, 4096, GfpFlags.Kernel, VmallocFlags.None, 0, out VirtAddr area) ? area : default)];
        Assert.All(areas, area => Assert.True(kernel.Access.TryWrite(other, area, 1)));
        ulong tlbi = other.Mmu.TlbiCount;
        foreach (VirtAddr area in areas)
        {
            kernel.Vmalloc.Free(Cpu, area);
        }

        // Lazy: the tables are empty, but the other CPU's TLB is not; that is why the addresses are not given out again yet.
        Assert.Equal(tlbi, other.Mmu.TlbiCount);
        Assert.All(areas, area => Assert.True(kernel.Access.TryRead(other, area, out int _)));
        Assert.True(kernel.Vmalloc.TryAllocate(Cpu, 4096, GfpFlags.Kernel, VmallocFlags.None, 0, out VirtAddr next));
        Assert.DoesNotContain(next, areas);
        kernel.Vmalloc.Purge(Cpu);
        Assert.Equal(tlbi + 6, other.Mmu.TlbiCount);
        Assert.All(areas, area => Assert.False(kernel.Access.TryRead(other, area, out int _)));
    }

    [Fact]
    public void Borrowed_frames_and_devices_are_mapped_by_their_kind()
    {
        using Machine machine = Boot();
        KernelMemory kernel = machine.Kernel;
        Assert.True(machine.Pages.TryAllocate(Cpu, new Order(3), GfpFlags.Kernel, out Pfn block));
        Pfn[] frames = [block + 7, block + 1, block + 4];
        Assert.True(kernel.Vmalloc.TryMap(Cpu, frames, 0, out VirtAddr mapped));
        Assert.Equal(frames, Enumerable.Range(0, 3).Select(i => kernel.Map.Tables.Read(mapped + ((ulong)i * 4096)).Pfn));
        Assert.True(kernel.Vmalloc.TryMapDevice(Cpu, new PhysAddr(0x0900_0018), 8, 0, out VirtAddr registers));
        Assert.Equal((4, 0x0900_0000UL), (kernel.Map.Tables.Read(registers).AttributeIndex, kernel.Map.Tables.Read(registers).OutputAddress.ToUInt64()));
        Assert.Contains("DEVICE/nGnRE", kernel.FormatPageTables(), StringComparison.Ordinal);
        Assert.True(kernel.Vmalloc.TryMapDevice(Cpu, new PhysAddr(0x1000_0000), 2UL << 20, 0, out VirtAddr window));
        kernel.Map.Tables.Read(window, out int level);
        Assert.Equal(2, level);
        kernel.Vmalloc.Unmap(Cpu, mapped);
        kernel.Vmalloc.Unmap(Cpu, registers);
        kernel.Vmalloc.Unmap(Cpu, window);
        Assert.True(machine.Pages.IsCompound(block) || machine.Pages.GetOrder(block) == new Order(3));
        Assert.Equal((0, 0L), (kernel.Vmalloc.Verify(), machine.Log.Count));
    }

    private static Machine Boot() => new(new MachineOptions { MemoryBytes = 64UL << 20, CpuCount = 2, KernelMap = new KernelMapOptions { Rodata = RodataMode.On } });

    private static Gen<(int Kind, int Size, int Pick)> Step() =>
        from kind in Gen.Frequency((5, Gen.Constant(0)), (3, Gen.Constant(1)), (1, Gen.Choose(2, 3)))
        from size in Gen.Frequency((4, Gen.Choose(1, 9 * 4096)), (1, Gen.Choose(1, 700 * 4096)))
        from pick in Gen.Choose(0, 1000)
        select (kind, size, pick);

    private static void Run(IReadOnlyList<(int Kind, int Size, int Pick)> steps, bool plantsBug)
    {
        using Machine machine = Boot();
        KernelMemory kernel = machine.Kernel;
        List<(VirtAddr Address, int Pages, ulong Stamp)> live = [];
        ulong stamp = 1;
        foreach ((int kind, int size, int pick) in steps)
        {
            CpuId cpu = new(pick & 1);
            if (kind == 1 && live.Count > 0)
            {
                (VirtAddr address, int pages, ulong content) = live[pick % live.Count];
                Check(machine, address, pages, content);
                kernel.Vmalloc.Free(cpu, address);
                live.RemoveAt(pick % live.Count);
            }
            else if (kind == 2)
            {
                kernel.Vmalloc.Purge(cpu);
            }
            else if (kernel.Vmalloc.TryAllocate(cpu, (ulong)size, GfpFlags.NoWait, kind == 3 ? VmallocFlags.AllowHuge : VmallocFlags.None, 0, out VirtAddr address))
            {
                int pages = (size + 4095) >> 12;
                for (int page = 0; page < pages; page++)
                {
                    Assert.True(kernel.Access.TryWrite(machine.Cpus[pick & 1], address + ((ulong)page << 12), stamp + (ulong)page));
                }

                live.Add((address, pages, stamp));
                stamp += (ulong)pages;
            }
        }

        if (plantsBug && live.Count > 1)
        {
            // The planted bug: two addresses share a frame, and the TLB knows.
            PageTable tables = kernel.Map.Tables;
            tables.Set(live[0].Address, tables.Read(live[1].Address));
            kernel.Flush.FlushAll(0);
        }

        foreach ((VirtAddr address, int pages, ulong content) in live)
        {
            Check(machine, address, pages, content);
            kernel.Vmalloc.Free(Cpu, address);
        }

        kernel.Vmalloc.Purge(Cpu);
        Assert.Equal((0UL, 0, 0L), (kernel.Vmalloc.Pages, kernel.Vmalloc.Verify(), machine.Log.Count));
    }

    private static void Check(Machine machine, VirtAddr address, int pages, ulong stamp)
    {
        for (int page = 0; page < pages; page++)
        {
            Assert.True(machine.Kernel.Access.TryRead(machine.Cpus[0], address + ((ulong)page << 12), out ulong found));
            Assert.Equal(stamp + (ulong)page, found);
        }
    }
}
