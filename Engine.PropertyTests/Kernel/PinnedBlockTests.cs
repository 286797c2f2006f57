using Engine.Arm64;
using Engine.Arm64.Faults;
using Engine.Arm64.HugePages;
using Engine.Arm64.Kernel.Pins;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Units;
using Xunit;

namespace Engine.PropertyTests.Kernel;

/// <summary>Pins of pages in 2 MiB blocks, and pins that a debugger takes.</summary>
public sealed class PinnedBlockTests
{
    private const MemoryProtection ReadWrite = MemoryProtection.Read | MemoryProtection.Write;
    private static readonly CpuId Cpu0 = new(0);
    private static readonly VirtAddr Base = new(0x1000_0000_0000);

    [Fact]
    public void A_pinned_block_stays_the_parents_across_fork()
    {
        using Machine machine = Boot(out Cpu cpu, out Process process);
        Map(process, 4UL << 20, ReadWrite);
        for (ulong page = 0; page < 1024; page++)
        {
            cpu.TryWrite(Base + (page << 12), (byte)page);
        }

        Pfn[] pinned = new Pfn[2];
        machine.Kernel.Pins.TryTake(Cpu0, process, Base + (7UL << 12), PinFlags.Pin | PinFlags.Write, pinned, out int count);
        Assert.Equal((2, 2), (count, LevelAt(process, Base)));
        Process child = process.Fork(Cpu0, "child")!;

        // The pinned block is pages now, each the parent's alone; the other is shared as it is.
        Assert.Equal((3, 3, 2, 2), (LevelAt(process, Base), LevelAt(child, Base), LevelAt(process, Base + (2UL << 20)), LevelAt(child, Base + (2UL << 20))));
        Assert.Equal(pinned[0], process.Tables.Read(Base + (7UL << 12)).Pfn);
        for (ulong page = 0; page < 512; page++)
        {
            Assert.NotEqual(process.Tables.Read(Base + (page << 12)).Pfn, child.Tables.Read(Base + (page << 12)).Pfn);
        }

        // Device and parent see each other's writes, the child neither.
        cpu.TryWrite(Base + (7UL << 12), 77);
        Assert.Equal(pinned[0], process.Tables.Read(Base + (7UL << 12)).Pfn);
        machine.Memory.TryWrite(pinned[1].Address, (byte)88);
        Assert.Equal((FaultResult.Minor, (byte)88), (cpu.TryRead(Base + (8UL << 12), out byte value), value));
        cpu.SwitchTo(child);
        for (ulong page = 0; page < 1024; page++)
        {
            Assert.Equal((FaultResult.Minor, (byte)page), (cpu.TryRead(Base + (page << 12), out value), value));
        }

        Array.ForEach(pinned, frame => machine.Kernel.Pins.Unpin(Cpu0, frame));
        child.Exit(Cpu0);
        cpu.SwitchTo(process);
        process.Exit(Cpu0);
        Assert.Equal(0, machine.Log.Count);
        Assert.Empty(machine.VerifyReclaim());
    }

    [Fact]
    public void A_pin_for_reading_takes_one_page_of_a_shared_block()
    {
        using Machine machine = Boot(out Cpu cpu, out Process process);
        Map(process, 2UL << 20, ReadWrite);
        cpu.TryWrite(Base + (3UL << 12), 33);
        Process child = process.Fork(Cpu0, "child")!;
        Pfn shared = child.Tables.Read(Base + (3UL << 12), out _).Pfn + 3;
        Pfn[] pinned = new Pfn[1];
        Assert.Equal(Errno.None, machine.Kernel.Pins.TryTake(Cpu0, process, Base + (3UL << 12), PinFlags.Pin, pinned, out _));
        Assert.Equal((3, 2), (LevelAt(process, Base), LevelAt(child, Base)));
        Assert.NotEqual(shared, pinned[0]);
        Assert.Equal(shared, process.Tables.Read(Base + (2UL << 12)).Pfn + 1);
        cpu.TryWrite(Base + (3UL << 12), 44);
        machine.Memory.TryRead(pinned[0].Address, out byte seen);
        machine.Memory.TryRead(shared.Address, out byte kept);
        Assert.Equal((44, 33), (seen, kept));

        // The last of a block's processes pins the block as it is.
        machine.Kernel.Pins.Unpin(Cpu0, pinned[0]);
        process.Exit(Cpu0);
        Assert.Equal(Errno.None, machine.Kernel.Pins.TryTake(Cpu0, child, Base + (3UL << 12), PinFlags.Pin, pinned, out _));
        Assert.Equal((shared, 2, 0L), (pinned[0], LevelAt(child, Base), machine.Log.Count));
        machine.Kernel.Pins.Unpin(Cpu0, pinned[0]);
    }

    [Fact]
    public void Force_reads_what_the_process_may_not_read()
    {
        using Machine machine = Boot(out Cpu cpu, out Process process);
        Map(process, 64 << 12, ReadWrite);
        cpu.TryWrite(Base, 5);
        process.Memory.Protect(Cpu0, Base, 64 << 12, MemoryProtection.None);
        Pfn[] taken = new Pfn[1];
        Assert.Equal(Errno.EFAULT, machine.Kernel.Pins.TryTake(Cpu0, process, Base, PinFlags.None, taken, out _));
        Assert.Equal(Errno.None, machine.Kernel.Pins.TryTake(Cpu0, process, Base, PinFlags.Force, taken, out _));
        machine.Memory.TryRead(taken[0].Address, out byte value);
        Assert.Equal(5, value);
        machine.Kernel.Pins.Put(Cpu0, taken[0]);
        Assert.Equal(FaultResult.SegvAccErr, cpu.TryRead(Base, out _));
        Assert.Equal(0, machine.Log.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_forced_write_makes_a_copy_that_stays_read_only(bool isOfFile)
    {
        using Machine machine = Boot(out Cpu cpu, out Process process, HugePageMode.Never);
        OpenFile? file = isOfFile ? machine.OpenFile("text", new Engine.Core.PageCache.SynthesizedBacking(3, 1 << 20)) : null;
        MapFlags flags = MapFlags.Private | MapFlags.Fixed | (isOfFile ? MapFlags.None : MapFlags.Anonymous);
        process.Memory.Map(Cpu0, Base, 16 << 12, MemoryProtection.Read, flags, file?.ToMappedFile() ?? MappedFile.None, 0);
        Assert.True(cpu.TryRead(Base, out byte before) <= FaultResult.Major);
        Pfn original = process.Tables.Read(Base).Pfn;
        Pfn[] taken = new Pfn[1];
        Assert.Equal(Errno.EFAULT, machine.Kernel.Pins.TryTake(Cpu0, process, Base, PinFlags.Write, taken, out _));

        // A breakpoint: the debugger's write goes to a page of the process's own, which the process still cannot write.
        Assert.Equal(Errno.None, machine.Kernel.Pins.TryTake(Cpu0, process, Base, PinFlags.Write | PinFlags.Force, taken, out _));
        Assert.NotEqual(original, taken[0]);
        Assert.Equal((taken[0], false), (process.Tables.Read(Base).Pfn, process.Tables.Read(Base).IsWritable));
        machine.Memory.TryWrite(taken[0].Address, unchecked((byte)(before + 1)));
        machine.Kernel.Pins.Put(Cpu0, taken[0]);
        Assert.Equal((FaultResult.Minor, unchecked((byte)(before + 1))), (cpu.TryRead(Base, out byte after), after));
        Assert.Equal(FaultResult.SegvAccErr, cpu.TryWrite(Base, 1));

        // The second time it is the same page; a page that was never touched is made at once.
        Assert.Equal(Errno.None, machine.Kernel.Pins.TryTake(Cpu0, process, Base, PinFlags.Write | PinFlags.Force, taken, out _));
        Assert.Equal(process.Tables.Read(Base).Pfn, taken[0]);
        machine.Kernel.Pins.Put(Cpu0, taken[0]);
        Assert.Equal(Errno.None, machine.Kernel.Pins.TryTake(Cpu0, process, Base + (9 << 12), PinFlags.Write | PinFlags.Force, taken, out _));
        Assert.False(process.Tables.Read(Base + (9 << 12)).IsWritable);
        machine.Kernel.Pins.Put(Cpu0, taken[0]);
        Assert.True(file is null || !file.Mapping.IsDirty(0));
        Assert.Equal(0, machine.Log.Count);
    }

    [Fact]
    public void A_forced_write_to_a_shared_read_only_file_is_refused()
    {
        using Machine machine = Boot(out _, out Process process);
        OpenFile file = machine.OpenFile("shared", new Engine.Core.PageCache.SynthesizedBacking(3, 1 << 20));
        VirtAddr mapped = process.Memory.Map(Cpu0, default, 4096, MemoryProtection.Read, MapFlags.Shared, file.ToMappedFile(), 0).Address;
        Pfn[] taken = new Pfn[1];
        Assert.Equal(Errno.EFAULT, machine.Kernel.Pins.TryTake(Cpu0, process, mapped, PinFlags.Write | PinFlags.Force, taken, out _));
    }

    private static int LevelAt(Process process, VirtAddr address)
    {
        process.Tables.Read(address, out int level);
        return level;
    }

    private static void Map(Process process, ulong lengthBytes, MemoryProtection protection) =>
        process.Memory.Map(Cpu0, Base, lengthBytes, protection, MapFlags.Private | MapFlags.Anonymous | MapFlags.Fixed, MappedFile.None, 0);

    private static Machine Boot(out Cpu cpu, out Process process, HugePageMode mode = HugePageMode.Always)
    {
        Machine machine = new(new MachineOptions { MemoryBytes = 64UL << 20, HugePages = new HugePageOptions { Enabled = mode } });
        cpu = machine.Cpus[0];
        process = machine.CreateProcess("test");
        cpu.SwitchTo(process);
        return machine;
    }
}
