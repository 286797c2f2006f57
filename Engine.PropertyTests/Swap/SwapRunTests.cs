using Engine.Arm64;
using Engine.Arm64.HugePages;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Swap;
using Engine.Core.Units;
using Xunit;

namespace Engine.PropertyTests.Swap;

/// <summary>Slots in a row for large folios.</summary>
public sealed class SwapRunTests
{
    private const ulong SwapBytes = 4 << 20;
    private static readonly CpuId Cpu = new(0);

    [Fact]
    public void Runs_are_aligned_and_come_from_free_clusters_alone()
    {
        using Machine machine = new(new MachineOptions { MemoryBytes = 64 << 20 });
        machine.Swap.SwapOn(Cpu, "swap", new MemorySwapStore(SwapBytes));
        Pfn head = machine.Pages.Frames.First;
        Assert.True(machine.Swap.TryTakeRun(Cpu, head, new Order(9), out SwapEntry huge));
        Assert.Equal(512ul, huge.Offset); // the first cluster holds the header
        Assert.False(machine.Swap.TryTakeRun(Cpu, head, new Order(9), out _));
        Assert.False(machine.Swap.TryTakeRun(Cpu, head, new Order(4), out _)); // which is never free
        Assert.Equal((SwapBytes >> 12) - 1 - 512, machine.Swap.FreePages);
        machine.Swap.ReleaseRun(huge, 512);
        Assert.True(machine.Swap.TryTakeRun(Cpu, head, new Order(4), out SwapEntry small));
        Assert.Equal((512ul, (SwapBytes >> 12) - 1 - 16), (small.Offset, machine.Swap.FreePages));
        machine.Swap.ReleaseRun(small, 16);
        Assert.Equal(machine.Swap.TotalPages, machine.Swap.FreePages);
        Assert.Empty(machine.Swap.Verify());
    }

    [Theory]
    [InlineData(KernelRelease.Linux69)]
    [InlineData(KernelRelease.Linux618)]
    public void A_huge_page_goes_out_whole_and_comes_back(KernelRelease release)
    {
        using Machine machine = new(new MachineOptions { MemoryBytes = 64 << 20, Release = release, HugePages = new HugePageOptions { Enabled = HugePageMode.Always } });
        machine.Swap.SwapOn(Cpu, "swap", new MemorySwapStore(SwapBytes));
        Process process = machine.CreateProcess("p");
        VirtAddr start = new(0x1000_0000_0000);
        const MapFlags flags = MapFlags.Private | MapFlags.Anonymous | MapFlags.Fixed;
        process.Memory.Map(Cpu, start, 2 << 20, MemoryProtection.Read | MemoryProtection.Write, flags, MappedFile.None, 0);
        machine.Cpus[0].SwitchTo(process);
        for (ulong page = 0; page < 512; page += 3)
        {
            machine.Cpus[0].TryWrite(start + (page << Pfn.PageShift), (byte)(page + 1));
        }

        Assert.Equal(1ul, process.Faults.Minor);
        Assert.Equal(Errno.None, process.Memory.Advise(Cpu, start, 2 << 20, MemoryAdvice.PageOut).Errno);
        Assert.Equal((0ul, 512L, 512ul), (process.ResidentPages, process.Memory.State.SwapEntries, machine.Swap.WrittenCount));
        for (ulong page = 0; page < 512; page++)
        {
            machine.Cpus[0].TryRead(start + (page << Pfn.PageShift), out byte seen);
            Assert.Equal(page % 3 == 0 ? (byte)(page + 1) : 0, seen);
        }

        Assert.Equal(machine.Swap.TotalPages, machine.Swap.FreePages);
        Assert.Empty(machine.VerifyReclaim());
        Assert.Empty(machine.VerifyMappings());
    }
}
