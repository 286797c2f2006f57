using Engine.Arm64;
using Engine.Arm64.Faults;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.PageCache;
using Engine.Core.Swap;
using Engine.Core.Units;
using Engine.PropertyTests.PageCache;
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

    [Fact]
    public void Two_processes_may_wait_for_one_page_and_the_first_completion_reads_it()
    {
        using Machine machine = new(new MachineOptions { MemoryBytes = 16 << 20, CpuCount = 2 });
        CountingBacking backing = new();
        OpenFile file = machine.OpenFile("f", backing);
        Process[] waiting = [.. machine.Cpus.Select(cpu => Start(machine, MapFlags.Private, file.ToMappedFile(), cpu))];
        Array.ForEach(waiting, process => process.BlocksOnInput = true);
        Assert.All(machine.Cpus, cpu => Assert.Equal(FaultResult.Blocked, cpu.TryRead(Base, out _)));
        Assert.Equal(0, backing.Reads);

        Assert.Equal(FaultResult.Major, waiting[1].CompleteFault(machine.Cpus[1].Id));
        int reads = backing.Reads;
        Assert.Equal(FaultResult.Minor, waiting[0].CompleteFault(machine.Cpus[0].Id));
        Assert.Equal(reads, backing.Reads);
        Assert.All(machine.Cpus, cpu => Assert.Equal(FaultResult.Minor, cpu.TryRead(Base, out _)));
        Assert.Equal([(1UL, 0UL), (0UL, 1UL)], waiting.Select(process => (process.Faults.Minor, process.Faults.Major)));
        Assert.Empty(machine.VerifyMappings());
    }

    [Fact]
    public void What_is_waited_for_may_vanish_meanwhile()
    {
        (Action<Machine, Process, OpenFile> Change, FaultResult Expected)[] cases =
        [
            ((machine, process, _) => process.Memory.Unmap(machine.Cpus[0].Id, Base, Pfn.PageSizeBytes), FaultResult.SegvMapErr),
            ((machine, process, _) => process.Memory.Protect(machine.Cpus[0].Id, Base, Pfn.PageSizeBytes, MemoryProtection.None), FaultResult.SegvAccErr),
            ((machine, _, file) => file.Mapping.Truncate(machine.Cpus[0].Id, 0), FaultResult.BusAdrErr),
            ((machine, process, _) => process.Memory.Map(
                machine.Cpus[0].Id, Base, Pfn.PageSizeBytes, MemoryProtection.Read, MapFlags.Private | MapFlags.Anonymous | MapFlags.Fixed, MappedFile.None, 0), FaultResult.Minor),
        ];
        foreach ((Action<Machine, Process, OpenFile> change, FaultResult expected) in cases)
        {
            using Machine machine = new(new MachineOptions { MemoryBytes = 16 << 20 });
            OpenFile file = machine.OpenFile("f", new SynthesizedBacking(7, 1 << 20));
            Process process = Start(machine, MapFlags.Shared, file.ToMappedFile());
            process.BlocksOnInput = true;
            Assert.Equal(FaultResult.Blocked, machine.Cpus[0].TryRead(Base, out _));
            change(machine, process, file);
            Assert.Equal(expected, process.CompleteFault(machine.Cpus[0].Id));
            Assert.Equal(expected == FaultResult.Minor ? 0UL : 1UL, process.Faults.Signals);
            Assert.Equal(FaultWaitReason.None, process.WaitsFor);
            Assert.True(process.Memory.Verify());
        }
    }

    [Fact]
    public void A_page_that_cannot_be_read_is_a_bus_error()
    {
        using Machine machine = new(new MachineOptions { MemoryBytes = 16 << 20 });
        Process process = Start(machine, MapFlags.Private, machine.OpenFile("f", new BrokenBacking()).ToMappedFile());
        process.BlocksOnInput = true;
        for (ulong round = 1; round <= 2; round++)
        {
            Assert.Equal(FaultResult.Blocked, machine.Cpus[0].TryRead(Base, out _));
            Assert.Equal(FaultResult.BusAdrErr, process.CompleteFault(machine.Cpus[0].Id));
            Assert.Equal(round, process.Faults.Signals);
        }
    }

    [Fact]
    public void Who_waits_for_memory_goes_on_when_there_is_some()
    {
        using Machine machine = new(new MachineOptions { MemoryBytes = 8 << 20 });
        Cpu cpu = machine.Cpus[0];
        const int pages = 4096;
        Process hog = Start(machine, MapFlags.Private | MapFlags.Anonymous | MapFlags.NoReserve, MappedFile.None, cpu, pages);
        hog.BlocksOnInput = true;
        ulong page = 0;
        while (page < pages && cpu.TryWrite(Base + (page * Pfn.PageSizeBytes), 1) == FaultResult.Minor)
        {
            page++;
        }

        Assert.Equal(FaultWaitReason.Memory, hog.WaitsFor);
        Assert.Equal(Base + (page * Pfn.PageSizeBytes), hog.BlockedAddress);
        Assert.Equal(FaultResult.Blocked, hog.CompleteFault(cpu.Id));
        hog.Memory.Unmap(cpu.Id, Base, 64 * Pfn.PageSizeBytes);
        Assert.Equal(FaultResult.Minor, hog.CompleteFault(cpu.Id));
        Assert.Equal(FaultResult.Minor, cpu.TryWrite(Base + (page * Pfn.PageSizeBytes), 1));
        Assert.Equal((page + 1, 0UL), (hog.Faults.Minor, hog.Faults.OutOfMemory));
    }

    [Fact]
    public void Nobody_waits_after_exit_or_exec()
    {
        using Exec.ExecWorld world = new();
        Cpu cpu = world.Machine.Cpus[0];
        OpenFile file = world.Machine.OpenFile("f", new SynthesizedBacking(7, 1 << 20));
        foreach (bool isExec in (bool[])[true, false])
        {
            world.Process.Memory.Map(cpu.Id, Base, Pfn.PageSizeBytes, MemoryProtection.Read, MapFlags.Private | MapFlags.Fixed, file.ToMappedFile(), 0);
            world.Process.BlocksOnInput = true;
            file.Mapping.Invalidate(cpu.Id, 0, ulong.MaxValue);
            Assert.Equal(FaultResult.Blocked, cpu.TryRead(Base, out _));
            if (isExec)
            {
                Assert.Equal(Errno.None, world.Exec(Exec.ElfBuilder.Usual().Build()).Errno);
            }
            else
            {
                world.Process.Exit(cpu.Id);
            }

            Assert.Equal(FaultWaitReason.None, world.Process.WaitsFor);
            Assert.Throws<InvalidOperationException>(() => world.Process.CompleteFault(cpu.Id));
        }

        Assert.Equal(0, world.Machine.Log.Count);
    }

    // prctl(PR_SET_VMA) reads a name that lies in a file's page: the call waits for it, the process is not left blocked.
    [Fact]
    public void A_system_call_that_reads_memory_reads_at_once()
    {
        using Machine machine = new(new MachineOptions { MemoryBytes = 16 << 20 });
        Cpu cpu = machine.Cpus[0];
        Process process = Start(machine, MapFlags.Private, machine.OpenFile("f", new MemoryBacking("name\0"u8)).ToMappedFile());
        VirtAddr named = Base + (1UL << 20);
        process.Memory.Map(cpu.Id, named, Pfn.PageSizeBytes, MemoryProtection.Read, MapFlags.Private | MapFlags.Anonymous | MapFlags.Fixed, MappedFile.None, 0);
        process.BlocksOnInput = true;
        Assert.False(process.Prctl(cpu.Id, PrctlOption.SetArea, 0, named.ToUInt64(), Pfn.PageSizeBytes, Base.ToUInt64()).IsError);
        Assert.Equal((FaultWaitReason.None, 1UL), (process.WaitsFor, process.Faults.Major));
        Assert.True(machine.Procfs.TryRead($"{process.Pid}/maps", out string maps));
        Assert.Contains("[anon:name]", maps, StringComparison.Ordinal);
    }

    [Fact]
    public void A_child_waits_as_its_parent_does()
    {
        using Machine machine = new(new MachineOptions { MemoryBytes = 16 << 20 });
        Process process = Start(machine, MapFlags.Private, machine.OpenFile("f", new SynthesizedBacking(7, 1 << 20)).ToMappedFile());
        process.BlocksOnInput = true;
        Process child = process.Fork(machine.Cpus[0].Id, "child")!;
        machine.Cpus[0].SwitchTo(child);
        Assert.Equal(FaultResult.Blocked, machine.Cpus[0].TryRead(Base, out _));
        Assert.Equal((FaultWaitReason.Input, FaultWaitReason.None), (child.WaitsFor, process.WaitsFor));
    }

    private static Process Start(Machine machine, MapFlags flags, MappedFile file, Cpu? on = null, ulong pages = 8)
    {
        Process process = machine.CreateProcess("p");
        Cpu cpu = on ?? machine.Cpus[0];
        cpu.SwitchTo(process);
        process.Memory.Map(cpu.Id, Base, pages * Pfn.PageSizeBytes, MemoryProtection.Read | MemoryProtection.Write, flags | MapFlags.Fixed, file, 0);
        return process;
    }

    private sealed class CountingBacking : IBackingStore
    {
        private readonly SynthesizedBacking inner = new(7, 1 << 20);

        public int Reads { get; private set; }

        public ulong LengthBytes => inner.LengthBytes;

        public bool IsPersistent => true;

        public bool ReadPage(ulong pageIndex, Span<byte> destination)
        {
            Reads++;
            return inner.ReadPage(pageIndex, destination);
        }

        public bool WritePage(ulong pageIndex, ReadOnlySpan<byte> source) => inner.WritePage(pageIndex, source);

        public bool Resize(ulong lengthBytes) => inner.Resize(lengthBytes);

        public bool PunchHole(ulong firstPage, ulong pageCount) => inner.PunchHole(firstPage, pageCount);
    }
}
