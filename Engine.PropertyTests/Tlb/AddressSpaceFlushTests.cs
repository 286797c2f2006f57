using Engine.Arm64;
using Engine.Arm64.Faults;
using Engine.Arm64.Processes;
using Engine.Arm64.Tlb;
using Engine.Arm64.Units;
using Engine.PropertyTests.Support;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.Tlb;

/// <summary>ASIDs and flushes of a machine's processes, by Linux's rules.</summary>
public sealed class AddressSpaceFlushTests
{
    private const int ProcessCount = 300;
    private const ulong PageBytes = 4096;
    private const MemoryProtection ReadWrite = MemoryProtection.Read | MemoryProtection.Write;
    private static readonly VirtAddr Base = new(0x1000_0000_0000);

    /// <summary>More processes than ASIDs, on two CPUs: each sees its own page, and only its own.</summary>
    [Fact]
    public void Every_process_sees_its_own_memory_over_rollovers() => ModelProperty.Check(Switches(), steps => Run(steps, sharesOneAsid: false), tests: 6, length: 1500);

    [Fact]
    public void One_asid_for_all_is_caught() => ModelProperty.MustFail(Switches(), steps => Run(steps, sharesOneAsid: true), tests: 6, length: 1500);

    [Fact]
    public void A_rollover_flushes_each_cpu_once()
    {
        using Machine machine = Boot(cpuCount: 2);
        Process[] processes = [.. Enumerable.Range(0, 256).Select(i => Start(machine, $"p{i}"))];
        foreach (Process process in processes)
        {
            machine.Cpus[0].SwitchTo(process);
        }

        Assert.Equal(1UL, machine.AsidRolloverCount);
        Assert.Equal((1UL, 0UL), (machine.Cpus[0].RolloverFlushCount, machine.Cpus[1].RolloverFlushCount));
        machine.Cpus[1].SwitchTo(processes[3]);
        machine.Cpus[1].SwitchTo(processes[4]);
        Assert.Equal(1UL, machine.Cpus[1].RolloverFlushCount);
        Assert.NotEqual(processes[3].Asid, processes[4].Asid);
    }

    /// <summary>How many instructions a munmap of touched pages broadcasts: one a page for what it unmaps, and one for the last table where it is freed.</summary>
    [Theory]
    [InlineData(1, false, 1 + 1)]
    [InlineData(300, false, 300 + 1)]
    [InlineData(511, false, 511 + 1)]
    [InlineData(512, false, 1 + 1)]
    [InlineData(900, false, 1 + 2)]
    [InlineData(900, true, 2 + 1)]
    [InlineData(511, true, 3 + 1)]
    public void Munmap_broadcasts_by_the_threshold(int pages, bool hasRange, int expected)
    {
        using Machine machine = Boot(cpuCount: 4, hasRange);
        Process process = Start(machine, "demo");
        Cpu cpu = machine.Cpus[2];
        cpu.SwitchTo(process);
        Map(process, cpu, Base, pages);
        for (int page = 0; page < pages; page++)
        {
            Assert.True(cpu.TryWrite(Base + ((ulong)page * PageBytes), 1) <= FaultResult.Major);
        }

        ulong before = cpu.TlbBroadcastCount;
        Assert.False(process.Memory.Unmap(cpu.Id, Base, (ulong)pages * PageBytes).IsError);
        Assert.Equal((ulong)expected, cpu.TlbBroadcastCount - before);
        Assert.Equal(cpu.TlbBroadcastCount * 3 * (ulong)cpu.Mmu.Geometry.Costs.BroadcastCycles, cpu.TlbBroadcastCycles);
        Assert.Equal(FaultResult.SegvMapErr, cpu.TryRead(Base, out _));
    }

    [Fact]
    public void Protect_flushes_what_changed_and_exit_the_whole_address_space_once()
    {
        using Machine machine = Boot(cpuCount: 2);
        Process process = Start(machine, "demo");
        Cpu cpu = machine.Cpus[0];
        cpu.SwitchTo(process);
        Map(process, cpu, Base, 100);
        foreach (int page in (int[])[10, 11, 19])
        {
            cpu.TryWrite(Base + ((ulong)page * PageBytes), 1);
        }

        ulong before = cpu.TlbBroadcastCount;
        Assert.False(process.Memory.Protect(cpu.Id, Base, 100 * PageBytes, MemoryProtection.Read).IsError);
        Assert.Equal(10UL, cpu.TlbBroadcastCount - before);
        Assert.Equal(FaultResult.SegvAccErr, cpu.TryWrite(Base + (10 * PageBytes), 1));

        before = cpu.TlbBroadcastCount;
        process.Exit(cpu.Id);
        Assert.Equal(1UL, cpu.TlbBroadcastCount - before);
    }

    [Fact]
    public void A_plan_counts_what_the_flush_issues() => ModelProperty.Check(
        from page in Gen.Choose(0, 1 << 20)
        from pages in Gen.OneOf(Gen.Choose(1, 70), Gen.Choose(1, 3000), Gen.Choose(60_000, 2_200_000))
        from hasRange in Gen.Elements(true, false)
        from strideLog2 in Gen.Elements(12, 12, 21)
        select (Start: (ulong)(uint)page << 12, Length: (ulong)(uint)pages << 12, HasRange: hasRange, StrideLog2: strideLog2),
        sequence =>
        {
            foreach ((ulong start, ulong length, bool hasRange, int strideLog2) in sequence)
            {
                CountingTarget target = new();
                LinuxTlbFlush flush = new(new InnerShareableDomain([target])) { HasRangeInstructions = hasRange };
                flush.FlushRange(0, new Asid(3), new VirtAddr(start), new VirtAddr(start + length), 1UL << strideLog2);
                TlbFlushPlan plan = TlbFlushPlan.ForRange(new VirtAddr(start), new VirtAddr(start + length), strideLog2, hasRange);
                Assert.Equal((target.Count, target.Last == TlbiKind.Aside1), (plan.InstructionCount, plan.IsWholeAddressSpace));
            }
        },
        tests: 40,
        length: 20);

    private static FsCheck.Gen<(int Cpu, int Process, bool Writes)> Switches() =>
        from cpu in Gen.Choose(0, 1)
        from process in Gen.Frequency((1, Gen.Choose(0, 5)), (3, Gen.Choose(0, ProcessCount - 1)))
        from writes in Gen.Elements(true, false)
        select (cpu, process, writes);

    private static void Run(IReadOnlyList<(int Cpu, int Process, bool Writes)> steps, bool sharesOneAsid)
    {
        using Machine machine = Boot(cpuCount: 2);
        Process?[] processes = new Process?[ProcessCount];
        byte[] bytes = new byte[ProcessCount];
        byte next = 1;
        foreach ((int number, int which, bool writes) in steps)
        {
            Cpu cpu = machine.Cpus[number];
            Process process = processes[which] ??= Start(machine, "p");
            cpu.SwitchTo(process);
            if (sharesOneAsid)
            {
                cpu.Mmu.SwitchTo(new Asid(1));
            }

            if (writes)
            {
                bytes[which] = next++;
                Assert.True(cpu.TryWrite(Base, bytes[which]) <= FaultResult.Major);
            }

            Assert.True(cpu.TryRead(Base, out byte value) <= FaultResult.Major);
            Assert.Equal(bytes[which], value);
        }
    }

    private static Machine Boot(int cpuCount, bool hasRange = false) =>
        new(new MachineOptions { MemoryBytes = 64 << 20, CpuCount = cpuCount, AsidBits = 8, HasTlbRangeInstructions = hasRange });

    private static Process Start(Machine machine, string name)
    {
        Process process = machine.CreateProcess(name);
        Map(process, machine.Cpus[0], Base, 1);
        return process;
    }

    private static void Map(Process process, Cpu cpu, VirtAddr start, int pages) => Assert.False(process.Memory.Map(
        cpu.Id, start, (ulong)pages * PageBytes, ReadWrite, MapFlags.Private | MapFlags.Anonymous | MapFlags.Fixed, MappedFile.None, 0).IsError);

    private sealed class CountingTarget : ITlbiTarget
    {
        public int Count { get; private set; }

        public TlbiKind Last { get; private set; }

        public void Execute(TlbiInstruction instruction)
        {
            Count++;
            Last = instruction.Kind;
        }
    }
}
