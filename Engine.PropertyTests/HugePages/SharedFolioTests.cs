using Engine.Arm64;
using Engine.Arm64.Faults;
using Engine.Arm64.HugePages;
using Engine.Arm64.PageTables;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.PageCache;
using Engine.Core.Swap;
using Engine.Core.Units;
using Engine.PropertyTests.Procfs;
using Mmsim.Fuzz;
using Xunit;

namespace Engine.PropertyTests.HugePages;

/// <summary>Large folios of shared memory: a machine beside one byte a page, and what single rules give.</summary>
public sealed class SharedFolioTests
{
    private const int PageCount = 1100;
    private const int StepCount = 150;
    private const MemoryProtection ReadWrite = MemoryProtection.Read | MemoryProtection.Write;
    private static readonly VirtAddr Shared = new(0x1000_0000_0000);
    private static readonly VirtAddr Private = new(0x1100_0000_0000);
    private static readonly CpuId Cpu = new(0);

    [Theory]
    [InlineData(KernelRelease.Linux69, 1)]
    [InlineData(KernelRelease.Linux69, 2)]
    [InlineData(KernelRelease.Linux618, 3)]
    [InlineData(KernelRelease.Linux618, 4)]
    [InlineData(KernelRelease.Linux618, 5)]
    [InlineData(KernelRelease.Linux618, 6)]
    public void Everybody_sees_the_bytes_that_were_written(KernelRelease release, int seed)
    {
        SplitMix64 random = new((ulong)seed);
        using Machine machine = Boot(release);
        machine.Swap.SwapOn(Cpu, "swap", new MemorySwapStore(16 << 20));
        OpenFile file = machine.OpenFile("shm", new ShmemBacking(PageCount << Pfn.PageShift));
        List<Process> processes = [Map(machine, file)];
        processes.Add(processes[0].Fork(Cpu, "child")!);
        byte[] bytes = new byte[PageCount];
        int length = PageCount;
        for (int step = 0; step < StepCount; step++)
        {
            Process process = processes[random.Below(processes.Count)];
            machine.Cpus[0].SwitchTo(process);
            int page = random.Below(PageCount);
            int count = Math.Min(random.Below(4) == 0 ? random.Below(PageCount) + 1 : random.Below(40) + 1, PageCount - page);
            string what = Step(machine, process, file, bytes, ref length, random, page, count);
            Check(machine, process, file, bytes, length, page, $"seed {seed}, step {step}: {what} {page} {count}");
        }

        foreach (Process process in processes)
        {
            machine.Cpus[0].SwitchTo(process);
            for (int page = 0; page < length; page++)
            {
                Assert.True(machine.Cpus[0].TryRead(At(Shared, page), out byte seen) <= FaultResult.Major);
                Assert.Equal(bytes[page], seen);
            }
        }
    }

    [Fact]
    public void A_fault_maps_two_mebibytes_by_a_block_where_the_setting_allows()
    {
        using Machine machine = Boot(KernelRelease.Linux618);
        machine.HugePages.Shmem.Enabled = ShmemHugeMode.Advise;
        OpenFile file = machine.OpenFile("shm", new ShmemBacking(PageCount << Pfn.PageShift));
        Process process = Map(machine, file);
        machine.Cpus[0].TryWrite(At(Shared, 3), 1);
        Assert.Equal(1ul, process.ResidentPages);
        process.Memory.Advise(Cpu, Shared, PageCount << Pfn.PageShift, MemoryAdvice.HugePage);
        machine.Cpus[0].TryWrite(At(Shared, 600), 1);
        process.Tables.Read(At(Shared, 600), out int level);
        Assert.Equal((PageTable.HugeLevel, 513ul, 512ul), (level, process.ResidentPages, file.Mapping.HugePagesCached));
        Assert.Equal(512ul, process.MeasureUsage(process.Memory.Areas.Find(Shared)).ShmemHugePages);
        AssertSound(machine);

        // A private mapping reads through a block, and a write to it makes a page of its own.
        machine.Cpus[0].TryRead(At(Private, 600), out byte seen);
        Assert.Equal(1, seen);
        machine.Cpus[0].TryWrite(At(Private, 601), 9);
        machine.Cpus[0].TryRead(At(Shared, 601), out seen);
        Assert.Equal(0, seen);
        AssertSound(machine);
    }

    [Fact]
    public void The_views_count_huge_pages_of_shared_memory()
    {
        using ViewWorld world = new(128 << 20);
        world.Machine.HugePages.Shmem.Enabled = ShmemHugeMode.Always;
        OpenFile file = world.Machine.OpenFile("/memfd:huge (deleted)", new ShmemBacking(1024 << Pfn.PageShift));
        world.Map(world.First, 1024, ReadWrite, MapFlags.Shared | MapFlags.Fixed, file, 0, Shared.ToUInt64());
        world.Machine.Cpus[0].TryWrite(Shared, 1);
        file.Mapping.Write(Cpu, 600 << Pfn.PageShift, [1], out _);
        string memory = world.Read("meminfo");
        Assert.Contains("ShmemHugePages:     4096 kB\n", memory, StringComparison.Ordinal);
        Assert.Contains("ShmemPmdMapped:     2048 kB\n", memory, StringComparison.Ordinal);
        Assert.Contains("FileHugePages:         0 kB\n", memory, StringComparison.Ordinal);
        string smaps = world.Read("1/smaps");
        Assert.Contains("ShmemPmdMapped:     2048 kB\n", smaps, StringComparison.Ordinal);
        Assert.Contains("THPeligible:           1\n", smaps, StringComparison.Ordinal);
        world.Machine.HugePages.Shmem.Enabled = ShmemHugeMode.Never;
        Assert.Contains("THPeligible:           0\n", world.Read("1/smaps"), StringComparison.Ordinal);
    }

    [Fact]
    public void Collapse_makes_one_folio_for_all_who_map_it()
    {
        using Machine machine = Boot(KernelRelease.Linux618);
        OpenFile file = machine.OpenFile("shm", new ShmemBacking(PageCount << Pfn.PageShift));
        Process process = Map(machine, file);
        Process child = process.Fork(Cpu, "child")!;
        machine.Cpus[0].SwitchTo(child);
        machine.Cpus[0].TryWrite(At(Shared, 4), 44);
        machine.Cpus[0].SwitchTo(process);
        machine.Cpus[0].TryRead(At(Shared, 5), out _);
        int tables = child.Tables.PageTablePages;
        Assert.Equal(Errno.None, process.Memory.Advise(Cpu, Shared, 2 << 20, MemoryAdvice.Collapse).Errno);
        process.Tables.Read(At(Shared, 4), out int level);
        Assert.Equal((PageTable.HugeLevel, 512ul, tables - 1), (level, process.ResidentPages, child.Tables.PageTablePages));
        machine.Cpus[0].TryRead(At(Shared, 4), out byte seen);
        Assert.Equal(44, seen);
        AssertSound(machine);

        // Nothing is there to be collapsed, and no disk's file can be.
        Assert.Equal(Errno.EINVAL, process.Memory.Advise(Cpu, At(Shared, 512), 2 << 20, MemoryAdvice.Collapse).Errno);
        machine.HugePages.Shmem.Enabled = ShmemHugeMode.Deny;
        Assert.Equal(Errno.EINVAL, process.Memory.Advise(Cpu, Shared, 2 << 20, MemoryAdvice.Collapse).Errno);
        AssertSound(machine);
    }

    [Fact]
    public void Khugepaged_follows_the_settings_of_shared_memory()
    {
        using Machine machine = Boot(KernelRelease.Linux618);
        OpenFile file = machine.OpenFile("shm", new ShmemBacking(PageCount << Pfn.PageShift));
        Process process = Map(machine, file);
        machine.Cpus[0].TryWrite(At(Shared, 4), 44);
        Assert.Equal(0, machine.CollapseHugePages(Cpu));
        machine.HugePages.Shmem.Enabled = ShmemHugeMode.Always;
        machine.HugePages.CollapseEmptyMax = 10;
        Assert.Equal(0, machine.CollapseHugePages(Cpu));
        machine.HugePages.CollapseEmptyMax = 511;
        Assert.Equal(1, machine.CollapseHugePages(Cpu));
        Assert.Equal((0ul, 512ul), (process.ResidentPages, file.Mapping.HugePagesCached));
        machine.Cpus[0].TryRead(At(Shared, 4), out byte seen);
        Assert.Equal(((byte)44, 512ul), (seen, process.ResidentPages));
        AssertSound(machine);
    }

    private static Machine Boot(KernelRelease release) => new(new MachineOptions { MemoryBytes = 128 << 20, Release = release });

    private static Process Map(Machine machine, OpenFile file)
    {
        Process process = machine.CreateProcess("p");
        machine.Cpus[0].SwitchTo(process);
        MappedFile mapped = new(file.Id, MappedFileModes.ReadWrite);
        Assert.False(process.Memory.Map(Cpu, Shared, PageCount << Pfn.PageShift, ReadWrite, MapFlags.Shared | MapFlags.Fixed, mapped, 0).IsError);
        Assert.False(process.Memory.Map(Cpu, Private, PageCount << Pfn.PageShift, ReadWrite, MapFlags.Private | MapFlags.Fixed, mapped, 0).IsError);
        return process;
    }

    private static string Step(Machine machine, Process process, OpenFile file, byte[] bytes, ref int length, SplitMix64 random, int page, int count)
    {
        byte value = (byte)random.Below(256);
        switch (random.Below(14))
        {
            case 0 or 1 or 2 when page < length:
                Assert.True(machine.Cpus[0].TryWrite(At(Shared, page), value) <= FaultResult.Major);
                bytes[page] = value;
                return "write";
            case 3 when page < length:
                Assert.Equal(FileIoResult.Done, file.Mapping.Write(Cpu, (ulong)page << Pfn.PageShift, [value], out _));
                bytes[page] = value;
                return "pwrite";
            case 4:
                file.Mapping.PunchHole(Cpu, (ulong)page << Pfn.PageShift, (ulong)count << Pfn.PageShift);
                bytes.AsSpan(page, count).Clear();
                return "punch";
            case 5:
                length = random.Below(4) == 0 ? page : PageCount;
                file.Mapping.Truncate(Cpu, (ulong)length << Pfn.PageShift);
                bytes.AsSpan(length).Clear();
                return "truncate";
            case 6 or 7:
                process.Memory.Advise(Cpu, At(Shared, page), (ulong)count << Pfn.PageShift, MemoryAdvice.Collapse); // may be refused
                return "collapse";
            case 8:
                process.Memory.Advise(Cpu, At(Shared, page), (ulong)count << Pfn.PageShift, MemoryAdvice.PageOut);
                return "pageout";
            case 9:
                process.Memory.Advise(Cpu, At(Shared, page), (ulong)count << Pfn.PageShift, random.Below(2) == 0 ? MemoryAdvice.Cold : MemoryAdvice.DontNeed);
                return "cold or dontneed";
            case 10:
                process.Memory.Protect(Cpu, At(Shared, page), (ulong)count << Pfn.PageShift, MemoryProtection.Read);
                process.Memory.Protect(Cpu, At(Shared, page), (ulong)count << Pfn.PageShift, ReadWrite);
                return "protect";
            case 11:
                machine.Cpus[0].TryRead(At(Private, page), out _);
                return "read of the private mapping";
            case 12:
                string[] modes = ["always", "within_size", "advise", "never", "force", "deny"];
                machine.HugePages.TryWrite("shmem_enabled", modes[random.Below(modes.Length)]);
                machine.HugePages.TryWrite($"hugepages-{8 << random.Below(9)}kB/shmem_enabled", modes[random.Below(4)]);
                return "settings";
            default:
                process.Memory.Advise(Cpu, At(Shared, page), (ulong)count << Pfn.PageShift, random.Below(3) == 0 ? MemoryAdvice.NoHugePage : MemoryAdvice.HugePage);
                return "hugepage";
        }
    }

    private static void Check(Machine machine, Process process, OpenFile file, byte[] bytes, int length, int page, string where)
    {
        FaultResult result = machine.Cpus[0].TryRead(At(Shared, page), out byte seen);

        // Beyond the end there is a signal, but where a block reaches there.
        Assert.True(page < length ? result <= FaultResult.Major && seen == bytes[page] : result == FaultResult.BusAdrErr || seen == 0, $"{where}: {seen} ({result})");
        Assert.True(machine.VerifyMappings().Count == 0, $"{where}: {string.Join("; ", machine.VerifyMappings().Take(3))}");
        Assert.True(machine.VerifyReclaim().Count == 0, $"{where}: {string.Join("; ", machine.VerifyReclaim().Take(3))}");
        Assert.True(machine.PageCache.Verify().Count == 0, $"{where}: {string.Join("; ", machine.PageCache.Verify().Take(3))}");
        Assert.True(machine.Log.Count == 0, $"{where}: {machine.Log.Items.LastOrDefault()}");
        Assert.True(process.Memory.Verify(), where);
        Assert.Equal(PagesFor(file), (ulong)length);
    }

    private static void AssertSound(Machine machine)
    {
        Assert.Empty(machine.VerifyMappings());
        Assert.Empty(machine.VerifyReclaim());
        Assert.Empty(machine.PageCache.Verify());
        Assert.Equal(0, machine.Log.Count);
    }

    private static ulong PagesFor(OpenFile file) => file.Mapping.LengthPages;

    private static VirtAddr At(VirtAddr start, int page) => start + ((ulong)page << Pfn.PageShift);
}
