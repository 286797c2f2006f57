using Engine.Arm64;
using Engine.Arm64.Faults;
using Engine.Arm64.Kernel.Pins;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Migration;
using Engine.Core.PageCache;
using Engine.Core.Units;
using Engine.Core.Zones;
using Xunit;

namespace Engine.PropertyTests.Kernel;

/// <summary>Pinned pages: they stay where they are, across compaction, range allocation, unmapping and fork.</summary>
public sealed class UserPinsTests
{
    private const MemoryProtection ReadWrite = MemoryProtection.Read | MemoryProtection.Write;
    private static readonly CpuId Cpu0 = new(0);

    [Fact]
    public void A_pin_counts_1024_references_and_brings_pages_in()
    {
        using Machine machine = Boot(out _, out Process process);
        VirtAddr heap = Map(process);
        Pfn[] frames = new Pfn[4];
        Assert.Equal(Errno.None, machine.Kernel.Pins.TryTake(Cpu0, process, heap + 5, PinFlags.Pin | PinFlags.Write, frames, out int count));
        Assert.Equal((4, 4UL, 4UL), (count, process.ResidentPages, machine.Kernel.Pins.Acquired));
        Assert.All(frames, frame => Assert.Equal((1025, true), (machine.Pages.Frames[frame].RefCount, machine.Kernel.Pins.IsMaybePinned(frame))));
        foreach (Pfn frame in frames)
        {
            machine.Kernel.Pins.Unpin(Cpu0, frame);
            Assert.Equal(1, machine.Pages.Frames[frame].RefCount);
        }

        machine.Kernel.Pins.Unpin(Cpu0, frames[0]);
        Assert.Equal("unpin of a page that is not pinned", Assert.Single(machine.Log.Items).Reason);
        Assert.Equal((1, 4UL), (machine.Pages.Frames[frames[0]].RefCount, machine.Kernel.Pins.Released));
    }

    [Fact]
    public void Holes_and_read_only_memory_end_a_call()
    {
        using Machine machine = Boot(out _, out Process process);
        VirtAddr heap = Map(process);
        process.Memory.Protect(Cpu0, heap + 8192, 4096, MemoryProtection.Read);
        process.Memory.Unmap(Cpu0, heap + (4 * 4096), 4096);
        Pfn[] frames = new Pfn[8];
        Assert.Equal((Errno.None, 2), (machine.Kernel.Pins.TryTake(Cpu0, process, heap, PinFlags.Pin | PinFlags.Write, frames, out int count), count));
        Assert.Equal((Errno.None, 4), (machine.Kernel.Pins.TryTake(Cpu0, process, heap, PinFlags.None, frames, out count), count));
        Pfn first = frames[0];
        Assert.Equal(Errno.EFAULT, machine.Kernel.Pins.TryTake(Cpu0, process, heap + 8192, PinFlags.Write, frames, out count));
        Assert.Equal(Errno.EFAULT, machine.Kernel.Pins.TryTake(Cpu0, process, new VirtAddr(0xffff_0000_0000_0000), PinFlags.None, frames, out count));
        Assert.Equal((0, 2), (count, machine.Pages.Frames[first].RefCount - PinFlagsBias));
    }

    [Fact]
    public void Migration_moves_a_page_and_refuses_a_pinned_one()
    {
        using Machine machine = Boot(out Cpu cpu, out Process process);
        VirtAddr heap = Map(process, 4UL << 20);
        for (ulong offset = 0; offset < 4UL << 20; offset += 4096)
        {
            // Far enough from the pageblock that boot's own frames share.
            cpu.TryWrite(heap + offset, 1);
        }

        heap += 2UL << 20;
        cpu.TryWrite(heap, 11);
        cpu.TryWrite(heap + 4096, 22);
        Pfn free = process.Tables.Read(heap).Pfn;
        Pfn[] pinned = new Pfn[1];
        machine.Kernel.Pins.TryTake(Cpu0, process, heap + 4096, PinFlags.Pin | PinFlags.Write, pinned, out _);
        Assert.True(machine.Pages.TryMovePage(Cpu0, free, GfpFlags.HighUserMovable));
        Assert.False(machine.Pages.TryMovePage(Cpu0, pinned[0], GfpFlags.HighUserMovable));
        Assert.NotEqual(free, process.Tables.Read(heap).Pfn);
        Assert.Equal(pinned[0], process.Tables.Read(heap + 4096).Pfn);
        Assert.Equal((FaultResult.Minor, (byte)11), (cpu.TryRead(heap, out byte value), value));

        // A range with a pinned page cannot be allocated; once it is let go, it can.
        Assert.False(machine.Pages.TryAllocateRange(Cpu0, pinned[0], 1));
        machine.Kernel.Pins.Unpin(Cpu0, pinned[0]);
        Assert.True(machine.Pages.TryAllocateRange(Cpu0, pinned[0], 1));
        Assert.Equal((FaultResult.Minor, (byte)22), (cpu.TryRead(heap + 4096, out value), value));
        Assert.Equal(0, machine.Log.Count);
    }

    [Fact]
    public void Compaction_leaves_pinned_pages_and_moves_the_others()
    {
        using Machine machine = Boot(out Cpu cpu, out Process process);
        VirtAddr heap = Map(process, 24UL << 20);
        Dictionary<VirtAddr, Pfn> before = [];
        for (ulong offset = 0; offset < 24UL << 20; offset += 4096)
        {
            cpu.TryWrite(heap + offset, (byte)(offset >> 12));
        }

        // Every other page goes, so that what is left is scattered; one in eight of those is pinned.
        for (ulong offset = 0; offset < 24UL << 20; offset += 8192)
        {
            process.Memory.Advise(Cpu0, heap + offset, 4096, MemoryAdvice.DontNeed);
        }

        Pfn[] one = new Pfn[1];
        for (ulong offset = 4096; offset < 24UL << 20; offset += 8 * 8192)
        {
            machine.Kernel.Pins.TryTake(Cpu0, process, heap + offset, PinFlags.Pin | PinFlags.Write, one, out _);
            before.Add(heap + offset, one[0]);
        }

        foreach (Zone zone in machine.Pages.Zones.Where(zone => zone.ManagedPages > 0))
        {
            machine.Pages.Compact(Cpu0, zone);
        }

        Assert.True(machine.Pages.Compaction.MigrateScanned > 0);
        int moved = 0;
        for (ulong offset = 4096; offset < 24UL << 20; offset += 8192)
        {
            Assert.Equal((FaultResult.Minor, (byte)(offset >> 12)), (cpu.TryRead(heap + offset, out byte value), value));
            Pfn now = process.Tables.Read(heap + offset).Pfn;
            moved += before.TryGetValue(heap + offset, out Pfn then) ? (then == now ? 0 : 100_000) : 1;
        }

        Assert.True(moved < 100_000, "a pinned page has moved");
        Assert.Equal(0, machine.Log.Count);
    }

    [Fact]
    public void Fork_copies_a_pinned_page_for_the_child_so_that_the_device_and_the_parent_stay_together()
    {
        using Machine machine = Boot(out Cpu cpu, out Process process);
        VirtAddr heap = Map(process);
        cpu.TryWrite(heap, 1);
        cpu.TryWrite(heap + 4096, 1);
        Pfn[] pinned = new Pfn[1];
        machine.Kernel.Pins.TryTake(Cpu0, process, heap, PinFlags.Pin | PinFlags.Write, pinned, out _);
        Process child = process.Fork(Cpu0, "child")!;
        Assert.NotEqual(pinned[0], child.Tables.Read(heap).Pfn);
        Assert.Equal(process.Tables.Read(heap + 4096).Pfn, child.Tables.Read(heap + 4096).Pfn);
        Assert.Equal((2L, 2L), (child.Memory.State.AnonPages, process.Memory.State.AnonPages));

        // The parent writes: no copy, the page stays the pinned one, and a device's write is seen.
        cpu.TryWrite(heap, 2);
        Assert.Equal(pinned[0], process.Tables.Read(heap).Pfn);
        machine.Memory.TryWrite(pinned[0].Address, (byte)3);
        Assert.Equal((FaultResult.Minor, (byte)3), (cpu.TryRead(heap, out byte value), value));
        cpu.SwitchTo(child);
        Assert.Equal((FaultResult.Minor, (byte)1), (cpu.TryRead(heap, out value), value));
        cpu.TryWrite(heap, 9);
        cpu.SwitchTo(process);
        Assert.Equal((FaultResult.Minor, (byte)3), (cpu.TryRead(heap, out value), value));
        machine.Kernel.Pins.Unpin(Cpu0, pinned[0], makesDirty: true);
        child.Exit(Cpu0);
        process.Exit(Cpu0);
        Assert.Equal(0, machine.Log.Count);
    }

    [Fact]
    public void A_pin_for_reading_makes_a_shared_page_the_processs_own_first()
    {
        using Machine machine = Boot(out Cpu cpu, out Process process);
        VirtAddr heap = Map(process);
        cpu.TryWrite(heap, 7);
        Process child = process.Fork(Cpu0, "child")!;
        Pfn shared = process.Tables.Read(heap).Pfn;
        Pfn[] pinned = new Pfn[1];
        machine.Kernel.Pins.TryTake(Cpu0, process, heap, PinFlags.Pin, pinned, out _);
        Assert.NotEqual(shared, pinned[0]);
        Assert.Equal((pinned[0], false), (process.Tables.Read(heap).Pfn, process.Tables.Read(heap).IsWritable));

        // The write that follows stays in the pinned page: copy-on-write would have parted device and process.
        cpu.TryWrite(heap, 8);
        Assert.Equal(pinned[0], process.Tables.Read(heap).Pfn);
        machine.Memory.TryRead(pinned[0].Address, out byte seen);
        Assert.Equal((8, 0L), (seen, machine.Log.Count));
        Assert.Equal(shared, child.Tables.Read(heap).Pfn);
    }

    [Fact]
    public void An_unmapped_page_lives_until_its_pin_goes()
    {
        using Machine machine = Boot(out Cpu cpu, out Process process);
        VirtAddr heap = Map(process);
        cpu.TryWrite(heap, 5);
        Pfn[] pinned = new Pfn[1];
        machine.Kernel.Pins.TryTake(Cpu0, process, heap, PinFlags.Pin | PinFlags.Write, pinned, out _);
        process.Memory.Unmap(Cpu0, heap, 1 << 20);
        Assert.Equal((0UL, 1024), (process.ResidentPages, machine.Pages.Frames[pinned[0]].RefCount));
        for (int i = 0; i < 2000; i++)
        {
            Assert.True(machine.Pages.TryAllocate(Cpu0, Order.Zero, GfpFlags.Kernel, out Pfn other) && other != pinned[0]);
        }

        machine.Kernel.Pins.Unpin(Cpu0, pinned[0]);
        Assert.Equal((0, 0L), (machine.Pages.Frames[pinned[0]].RefCount, machine.Log.Count));
    }

    [Fact]
    public void A_long_term_pin_leaves_CMA_memory()
    {
        using Machine machine = Boot(out Cpu cpu, out Process process);
        VirtAddr heap = Map(process, 2UL << 20);
        cpu.TryWrite(heap, 1);
        Pfn first = process.Tables.Read(heap).Pfn;
        Pfn area = new((first.ToUInt32() & ~511u) - 1024);
        Assert.True(machine.Pages.TryReserveCma(area, 512));

        // The page is moved into CMA by hand: movable allocations may lie there.
        Assert.True(machine.Pages.TryAllocateRange(Cpu0, area, 1));
        Assert.True(new UserPageMigrator(machine).TryMove(Cpu0, first, area, Order.Zero, CompactMode.SyncFull));
        machine.Pages.Free(Cpu0, first, Order.Zero);
        Assert.Equal(area, process.Tables.Read(heap).Pfn);
        Pfn[] pinned = new Pfn[1];
        machine.Kernel.Pins.TryTake(Cpu0, process, heap, PinFlags.Pin | PinFlags.Write, pinned, out _);
        Assert.Equal(area, pinned[0]);
        machine.Kernel.Pins.Unpin(Cpu0, pinned[0]);
        Assert.Equal(Errno.None, machine.Kernel.Pins.TryTake(Cpu0, process, heap, PinFlags.Pin | PinFlags.Write | PinFlags.LongTerm, pinned, out _));
        Assert.NotEqual(MigrateType.Cma, machine.Pages.GetMigrateType(pinned[0]));
        Assert.True(machine.Pages.TryAllocateRange(Cpu0, area, 512));
        Assert.Equal((FaultResult.Minor, (byte)1, 0L), (cpu.TryRead(heap, out byte value), value, machine.Log.Count));
    }

    [Fact]
    public void Pages_of_files_are_pinned_by_their_folio()
    {
        using Machine machine = Boot(out _, out Process process);
        OpenFile file = machine.OpenFile("data", new SynthesizedBacking(7, 1 << 20));
        VirtAddr mapped = process.Memory.Map(Cpu0, default, 1 << 20, MemoryProtection.Read, MapFlags.Shared, file.ToMappedFile(), 0).Address;
        Pfn[] frames = new Pfn[16];
        Assert.Equal((Errno.None, 16), (machine.Kernel.Pins.TryTake(Cpu0, process, mapped, PinFlags.Pin, frames, out int count), count));
        Assert.All(frames, frame => Assert.True(machine.Kernel.Pins.IsMaybePinned(frame)));
        Array.ForEach(frames, frame => machine.Kernel.Pins.Unpin(Cpu0, frame));
        Assert.All(frames, frame => Assert.False(machine.Kernel.Pins.IsMaybePinned(frame)));
        process.Exit(Cpu0);
        Assert.Equal(0, machine.Log.Count);
    }

    private const int PinFlagsBias = 1024;

    private static VirtAddr Map(Process process, ulong lengthBytes = 1 << 20) =>
        process.Memory.Map(Cpu0, default, lengthBytes, ReadWrite, MapFlags.Private | MapFlags.Anonymous, MappedFile.None, 0).Address;

    private static Machine Boot(out Cpu cpu, out Process process)
    {
        Machine machine = new(new MachineOptions { MemoryBytes = 64UL << 20 });
        cpu = machine.Cpus[0];
        process = machine.CreateProcess("test");
        cpu.SwitchTo(process);
        return machine;
    }
}
