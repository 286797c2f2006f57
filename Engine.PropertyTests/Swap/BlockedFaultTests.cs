using Engine.Arm64;
using Engine.Arm64.Faults;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.PageCache;
using Engine.Core.Swap;
using Engine.Core.Units;
using Xunit;

namespace Engine.PropertyTests.Swap;

/// <summary>Faults that wait until the embedder says that the page has come.</summary>
public sealed class BlockedFaultTests
{
    private static readonly VirtAddr Base = new(0x1000_0000);

    [Fact]
    public void A_swapped_page_blocks_until_it_is_completed()
    {
        using Machine machine = new(new MachineOptions { MemoryBytes = 16 << 20 });
        Process process = Start(machine, MapFlags.Private | MapFlags.Anonymous, MappedFile.None);
        Cpu cpu = machine.Cpus[0];
        cpu.TryWrite(Base, 42);
        machine.Swap.SwapOn(cpu.Id, "/dev/zram0", new MemorySwapStore(1 << 20));
        process.Memory.Advise(cpu.Id, Base, Pfn.PageSizeBytes, MemoryAdvice.PageOut);
        process.BlocksOnInput = true;

        Assert.Equal(FaultResult.Blocked, cpu.TryRead(Base, out _));
        Assert.Equal(FaultWaitReason.Input, process.WaitsFor);
        Assert.Equal(0UL, process.Faults.Major);
        Assert.Equal(FaultResult.Major, process.CompleteFault(cpu.Id));
        Assert.Equal(FaultResult.Minor, cpu.TryRead(Base, out byte value));
        Assert.Equal(42, value);
        Assert.Equal(1UL, process.Faults.Major);
        Assert.Throws<InvalidOperationException>(() => process.CompleteFault(cpu.Id));
    }

    [Fact]
    public void A_page_of_a_file_blocks_until_it_is_completed()
    {
        using Machine machine = new(new MachineOptions { MemoryBytes = 16 << 20 });
        OpenFile file = machine.OpenFile("f", new SynthesizedBacking(7, 1 << 20));
        Process process = Start(machine, MapFlags.Private, file.ToMappedFile());
        Cpu cpu = machine.Cpus[0];
        process.BlocksOnInput = true;
        Assert.Equal(FaultResult.Blocked, cpu.TryRead(Base, out _));
        Assert.Equal(0UL, file.Mapping.CachedPages);
        Assert.Equal(FaultResult.Major, process.CompleteFault(cpu.Id));
        Assert.Equal(FaultResult.Minor, cpu.TryRead(Base, out byte value));
        Assert.Equal((byte)SynthesizedBacking.WordAt(7, 0), value);
    }

    [Fact]
    public void A_process_that_dies_while_it_is_blocked_leaves_nothing()
    {
        using Machine machine = new(new MachineOptions { MemoryBytes = 16 << 20 });
        Process process = Start(machine, MapFlags.Private | MapFlags.Anonymous, MappedFile.None);
        Cpu cpu = machine.Cpus[0];
        cpu.TryWrite(Base, 42);
        machine.Swap.SwapOn(cpu.Id, "/dev/zram0", new MemorySwapStore(1 << 20));
        process.Memory.Advise(cpu.Id, Base, Pfn.PageSizeBytes, MemoryAdvice.PageOut);
        process.BlocksOnInput = true;
        Assert.Equal(FaultResult.Blocked, cpu.TryRead(Base, out _));
        process.Exit(cpu.Id);
        Assert.Equal(machine.Swap.TotalPages, machine.Swap.FreePages);
        Assert.Empty(machine.VerifyReclaim());
    }

    private static Process Start(Machine machine, MapFlags flags, MappedFile file)
    {
        Process process = machine.CreateProcess("p");
        Cpu cpu = machine.Cpus[0];
        cpu.SwitchTo(process);
        process.Memory.Map(cpu.Id, Base, 8 * Pfn.PageSizeBytes, MemoryProtection.Read | MemoryProtection.Write, flags | MapFlags.Fixed, file, 0);
        return process;
    }
}
