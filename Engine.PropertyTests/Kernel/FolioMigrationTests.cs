using Engine.Arm64;
using Engine.Arm64.Faults;
using Engine.Arm64.HugePages;
using Engine.Arm64.Kernel.Dma;
using Engine.Arm64.Kernel.Map;
using Engine.Arm64.Kernel.Pins;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Units;
using Engine.Core.Zones;
using Xunit;

namespace Engine.PropertyTests.Kernel;

/// <summary>Large folios move out of the way of ranges and of compaction.</summary>
public sealed class FolioMigrationTests
{
    private const MemoryProtection ReadWrite = MemoryProtection.Read | MemoryProtection.Write;
    private const ulong LengthBytes = 16UL << 20;
    private static readonly CpuId Cpu0 = new(0);
    private static readonly VirtAddr Base = new(0x1000_0000_0000);

    /// <summary>Every folio of the range moves, with content, shape and counts; what is shared stays shared.</summary>
    [Theory]
    [InlineData(HugePageOptions.HugeOrder, false)]
    [InlineData(HugePageOptions.HugeOrder, true)]
    [InlineData(6, false)]
    [InlineData(4, true)]
    [InlineData(2, false)]
    public void A_range_is_emptied_of_large_folios(int order, bool isShared)
    {
        using Machine machine = Boot(order, out Cpu cpu, out Process process);
        Fill(cpu);
        Process? child = isShared ? process.Fork(Cpu0, "child") : null;
        Pfn area = FindFilledBlock(process);
        int[] levels = Levels(process);
        bool[] runs = Runs(process);
        Take(machine, area);
        Assert.All(Pages(), address => Assert.False(IsInside(process.Tables.Read(address).Pfn, area)));
        Assert.Equal(levels, Levels(process));
        Assert.Equal(runs, Runs(process));
        CheckContent(cpu);
        Assert.Empty(machine.VerifyMappings());
        Assert.Empty(machine.VerifyReclaim());
        for (uint i = 0; i < 512; i++)
        {
            machine.Memory.GetFrame(area + i).Fill(0xee);
        }

        if (child is not null)
        {
            Assert.Equal(Pages().Select(address => process.Tables.Read(address).OutputAddress), Pages().Select(address => child.Tables.Read(address).OutputAddress));
            cpu.SwitchTo(child);
            CheckContent(cpu);
            child.Exit(Cpu0);
            cpu.SwitchTo(process);
        }

        CheckContent(cpu);
        process.Exit(Cpu0);
        for (uint i = 0; i < 512; i++)
        {
            machine.Pages.Free(Cpu0, area + i, Order.Zero);
        }

        Assert.Equal(0, machine.Log.Count);
        Assert.Equal(0, machine.UserFrames.LargeCount);
        Assert.Empty(machine.VerifyReclaim());
    }

    [Theory]
    [InlineData(HugePageOptions.HugeOrder)]
    [InlineData(4)]
    [InlineData(0)]
    public void A_pinned_folio_keeps_its_range(int order)
    {
        using Machine machine = Boot(order, out Cpu cpu, out Process process);
        Fill(cpu);
        Pfn area = FindFilledBlock(process);
        VirtAddr inside = Pages().First(address => IsInside(process.Tables.Read(address).Pfn, area) || process.Tables.Read(address).Pfn == area);
        Pfn[] pinned = new Pfn[1];
        Assert.Equal(Errno.None, machine.Kernel.Pins.TryTake(Cpu0, process, inside, PinFlags.Pin | PinFlags.Write, pinned, out _));
        Assert.False(machine.Pages.TryAllocateRange(Cpu0, area, 512));
        CheckContent(cpu);
        Assert.Empty(machine.VerifyMappings());
        machine.Pages.Frames[machine.Pages.GetHead(pinned[0])].RefCount++;
        Assert.Equal("references to an anonymous folio", Assert.Single(machine.VerifyMappings()).Reason);
        machine.Pages.Frames[machine.Pages.GetHead(pinned[0])].RefCount--;
        machine.Kernel.Pins.Unpin(Cpu0, pinned[0]);
        Assert.Empty(machine.VerifyMappings());
        Take(machine, area);
        CheckContent(cpu);
        Assert.Equal(0, machine.Log.Count);
    }

    /// <summary>A folio that waits to be split still waits, under its new frames.</summary>
    [Fact]
    public void A_folio_that_is_mapped_in_part_still_waits_to_be_split()
    {
        using Machine machine = Boot(6, out Cpu cpu, out Process process);
        Fill(cpu);
        for (ulong offset = 0; offset < LengthBytes; offset += 64 << 12)
        {
            process.Memory.Unmap(Cpu0, Base + offset + (5 << 12), 3 << 12);
        }

        int waiting = machine.DeferredSplitCount;
        Assert.Equal((int)(LengthBytes >> 18), waiting);
        Take(machine, FindFilledBlock(process));
        Assert.Equal(waiting, machine.DeferredSplitCount);
        Assert.Empty(machine.VerifyMappings());
        Assert.Equal(waiting, machine.SplitDeferredFolios(Cpu0));
        Assert.Empty(machine.VerifyMappings());
        CheckContent(cpu);
        process.Exit(Cpu0);
        Assert.Equal(0, machine.Log.Count);
        Assert.Empty(machine.VerifyReclaim());
    }

    /// <summary>Scattered 64 KiB folios are gathered, so that there are free 2 MiB blocks again.</summary>
    [Fact]
    public void Compaction_gathers_folios_smaller_than_a_pageblock()
    {
        using Machine machine = Boot(4, out Cpu cpu, out Process process);
        Fill(cpu);
        for (ulong offset = 0; offset < LengthBytes; offset += 128 << 10)
        {
            process.Memory.Unmap(Cpu0, Base + offset, 64 << 10);
        }

        machine.Pages.DrainAll(Cpu0);
        long moved = machine.Pages.Compaction.MigrateSuccess;
        int blocks = CountBlocks(process);
        foreach (Zone zone in machine.Pages.Zones.Where(zone => zone.ManagedPages > 0))
        {
            machine.Pages.Compact(Cpu0, zone);
        }

        moved = machine.Pages.Compaction.MigrateSuccess - moved;
        Assert.True(moved >= 128 && moved % 16 == 0, $"{moved} pages moved");
        Assert.True(CountBlocks(process) < blocks, $"the process has pages in {CountBlocks(process)} pageblocks, as before");
        CheckContent(cpu);
        Assert.All(Pages().Where(address => process.Tables.Read(address).IsPresent), address => Assert.True(process.Tables.Read(address).IsContiguous));
        Assert.Empty(machine.VerifyMappings());
        Assert.Empty(machine.VerifyReclaim());
        Assert.Equal(0, machine.Log.Count);
    }

    [Fact]
    public void A_device_gets_its_buffer_from_CMA_full_of_huge_pages()
    {
        using Machine machine = Boot(HugePageOptions.HugeOrder, out Cpu cpu, out Process process);
        DmaApi dma = machine.Kernel.Dma;
        Pfn area = machine.Memory.Start.Pfn + (512 * 16);
        Assert.True(dma.TryReserveCma(area, 2048), "the area is not free");
        DmaDevice device = dma.AddDevice("cam0", 0, DmaProtection.Bypass);
        ulong lengthBytes = 44UL << 20;
        process.Memory.Map(Cpu0, Base, lengthBytes, ReadWrite, MapFlags.Private | MapFlags.Anonymous | MapFlags.Fixed, MappedFile.None, 0);
        for (ulong offset = 0; offset < lengthBytes; offset += 4096)
        {
            Assert.Equal(FaultResult.Minor, cpu.TryWrite(Base + offset, ValueAt(offset)));
        }

        int inside = Enumerable.Range(0, (int)(lengthBytes >> 21)).Count(i => process.Tables.Read(Base + ((ulong)i << 21)).Pfn is { } pfn && pfn >= area && pfn < area + 2048);
        Assert.True(inside >= 1, "no huge page lies in the area");
        process.Memory.Unmap(Cpu0, Base, 12UL << 20);
        Assert.True(dma.TryAllocateCoherent(Cpu0, device, 4UL << 20, out CoherentBuffer buffer), string.Join('\n', machine.Kernel.Printed));
        Assert.Equal(1024u, dma.Cma!.UsedPages);
        for (ulong offset = 12UL << 20; offset < lengthBytes; offset += 4096)
        {
            Assert.Equal((FaultResult.Minor, ValueAt(offset)), (cpu.TryRead(Base + offset, out byte value), value));
        }

        dma.FreeCoherent(Cpu0, device, buffer);
        Assert.Empty(machine.VerifyMappings());
        Assert.Equal(0, machine.Log.Count);
    }

    private static Machine Boot(int order, out Cpu cpu, out Process process)
    {
        HugePageOptions pages = new() { Enabled = HugePageMode.Never, Sizes = order > 0 ? new Dictionary<int, HugePageMode> { [order] = HugePageMode.Always } : [] };
        Machine machine = new(new MachineOptions { MemoryBytes = 64UL << 20, HugePages = pages, KernelMap = new KernelMapOptions() });
        cpu = machine.Cpus[0];
        process = machine.CreateProcess("test");
        cpu.SwitchTo(process);
        return machine;
    }

    private static void Take(Machine machine, Pfn area) =>
        Assert.True(machine.Pages.TryAllocateRange(Cpu0, area, 512), $"{area} was not emptied; {string.Join('\n', machine.Log.Items)}");

    private static void Fill(Cpu cpu)
    {
        Process process = cpu.Current!;
        process.Memory.Map(Cpu0, Base, LengthBytes, ReadWrite, MapFlags.Private | MapFlags.Anonymous | MapFlags.Fixed, MappedFile.None, 0);
        for (ulong offset = 0; offset < LengthBytes; offset += 4096)
        {
            Assert.Equal(FaultResult.Minor, cpu.TryWrite(Base + offset, ValueAt(offset)));
        }
    }

    private static void CheckContent(Cpu cpu)
    {
        foreach (VirtAddr address in Pages().Where(address => cpu.Current!.Tables.Read(address).IsPresent))
        {
            Assert.Equal((FaultResult.Minor, ValueAt(address - Base)), (cpu.TryRead(address, out byte value), value));
        }
    }

    private static byte ValueAt(ulong offset) => unchecked((byte)((offset >> 12) * 37));

    private static IEnumerable<VirtAddr> Pages() => Enumerable.Range(0, (int)(LengthBytes >> 12)).Select(page => Base + ((ulong)page << 12));

    private static int[] Levels(Process process) => [.. Pages().Select(address =>
    {
        process.Tables.Read(address, out int level);
        return level;
    })];

    private static bool[] Runs(Process process) => [.. Pages().Select(address => process.Tables.Read(address).IsContiguous)];

    private static bool IsInside(Pfn pfn, Pfn area) => pfn >= area && pfn < area + 512;

    private static int CountBlocks(Process process) =>
        Pages().Select(address => process.Tables.Read(address)).Where(entry => entry.IsPresent).Select(entry => entry.Pfn.ToUInt32() >> 9).Distinct().Count();

    // The pageblock with most of the process's pages.
    private static Pfn FindFilledBlock(Process process) => Pages().Where(address => process.Tables.Read(address).IsPresent)
        .GroupBy(address => process.Tables.Read(address).Pfn.ToUInt32() & ~511u).MaxBy(group => group.Count()) is { } block ? new Pfn(block.Key) : Pfn.None;
}
