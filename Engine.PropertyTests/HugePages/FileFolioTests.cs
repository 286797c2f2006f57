using Engine.Arm64;
using Engine.Arm64.Faults;
using Engine.Arm64.HugePages;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.PageCache;
using Xunit;

namespace Engine.PropertyTests.HugePages;

/// <summary>Large folios of files: mapped in contiguous runs and in blocks, and taken apart again.</summary>
public sealed class FileFolioTests
{
    private const MemoryProtection ReadWrite = MemoryProtection.Read | MemoryProtection.Write;
    private static readonly VirtAddr Base = new(0x1000_0000_0000);

    [Fact]
    public void Fault_around_maps_a_folio_as_a_run()
    {
        using Machine machine = Boot(4);
        Process process = Map(machine, 64, 64, ReadWrite, MapFlags.Shared, out OpenFile file);
        Cpu cpu = machine.Cpus[0];
        Assert.Equal(FaultResult.Major, cpu.TryRead(Base + (20 * 4096), out byte value));
        Assert.Equal(20, value);
        Assert.True(process.Tables.Read(Base + (16 * 4096)).IsContiguous);
        Assert.Equal(16u, process.ResidentPages);

        // A write to one page makes it dirty and writable: the run is unfolded for it.
        cpu.TryWrite(Base + (21 * 4096), 99);
        Assert.False(process.Tables.Read(Base + (21 * 4096)).IsContiguous);
        Assert.True(file.Mapping.IsDirty(21));
        file.Mapping.Sync(cpu.Id);
        Assert.False(file.Mapping.IsDirty(21));
        AssertIntact(machine);
    }

    [Fact]
    public void A_misaligned_mapping_has_no_runs()
    {
        using Machine machine = Boot(4);
        Process process = Map(machine, 64, 32, ReadWrite, MapFlags.Private, out _, fileOffset: 3);
        machine.Cpus[0].TryRead(Base + (20 * 4096), out byte value);
        Assert.Equal(23, value);
        Assert.False(process.Tables.Read(Base + (20 * 4096)).IsContiguous);
        AssertIntact(machine);
    }

    [Fact]
    public void Two_mebibytes_are_mapped_by_one_entry_and_split_by_a_write()
    {
        using Machine machine = Boot(9);
        Process process = Map(machine, 1024, 1024, ReadWrite, MapFlags.Private, out _);
        Cpu cpu = machine.Cpus[0];
        cpu.TryRead(Base + (700 * 4096), out byte value);
        Assert.Equal(unchecked((byte)700), value);
        process.Tables.Read(Base + (700 * 4096), out int level);
        Assert.Equal(2, level);
        Assert.Equal(512u, process.ResidentPages);
        Assert.Equal(1, machine.HugePageCounters[HugePageEvent.FileMapped]);
        AssertIntact(machine);

        cpu.TryWrite(Base + (600 * 4096), 5);
        process.Tables.Read(Base + (600 * 4096), out level);
        Assert.Equal(3, level);
        cpu.TryRead(Base + (600 * 4096), out value);
        Assert.Equal(5, value);
        AssertIntact(machine);
    }

    [Fact]
    public void Truncation_takes_folios_out_of_the_tables()
    {
        using Machine machine = Boot(9);
        Process process = Map(machine, 1024, 1024, ReadWrite, MapFlags.Shared, out OpenFile file);
        Cpu cpu = machine.Cpus[0];
        cpu.TryRead(Base, out _);
        cpu.TryRead(Base + (600 * 4096), out _);
        Assert.Equal(1024u, process.ResidentPages);
        file.Mapping.Truncate(cpu.Id, 100 * 4096);
        Assert.Equal(FaultResult.BusAdrErr, cpu.TryRead(Base + (100 * 4096), out _));
        Assert.Equal(FaultResult.Minor, cpu.TryRead(Base + (99 * 4096), out byte value));
        Assert.Equal(99, value);
        AssertIntact(machine);
    }

    [Fact]
    public void A_child_finds_the_blocks_of_files_by_faults_of_its_own()
    {
        using Machine machine = Boot(9);
        Process process = Map(machine, 1024, 1024, ReadWrite, MapFlags.Private, out _);
        Cpu cpu = machine.Cpus[0];
        cpu.TryRead(Base, out _);
        cpu.TryWrite(Base + (800 * 4096), 9);
        Process child = process.Fork(cpu.Id, "child")!;
        Assert.Equal(FaultResult.Minor, Read(cpu, child, 0, out byte value));
        Assert.Equal(0, value);
        Read(cpu, child, 800, out value);
        Assert.Equal(9, value);
        AssertIntact(machine);
        process.Exit(cpu.Id);
        child.Exit(cpu.Id);
        AssertIntact(machine);
    }

    private static FaultResult Read(Cpu cpu, Process process, int page, out byte value)
    {
        cpu.SwitchTo(process);
        return cpu.TryRead(Base + ((ulong)page * 4096), out value);
    }

    private static void AssertIntact(Machine machine)
    {
        Assert.Empty(machine.VerifyMappings());
        Assert.Empty(machine.PageCache.Verify());
        Assert.Equal(0, machine.Log.Count);
    }

    private static Machine Boot(int order) => new(new MachineOptions
    {
        MemoryBytes = 64 << 20,
        Files = new FileMappingOptions { FolioOrderMin = order, FolioOrderMax = order },
    });

    // A file whose page i is filled with i, read from its backing.
    private static Process Map(Machine machine, int filePages, int pages, MemoryProtection protection, MapFlags flags, out OpenFile file, ulong fileOffset = 0)
    {
        Cpu cpu = machine.Cpus[0];
        file = machine.OpenFile("file", new MemoryBacking(0));
        byte[] page = new byte[4096];
        for (int i = 0; i < filePages; i++)
        {
            page.AsSpan().Fill(unchecked((byte)i));
            Assert.Equal(FileIoResult.Done, file.Mapping.Write(cpu.Id, (ulong)i * 4096, page, out _));
        }

        file.Mapping.Sync(cpu.Id);
        ReadaheadState state = file.Mapping.OpenState();
        file.Mapping.Advise(cpu.Id, ref state, FileAdvice.DontNeed, 0, 0);
        Process process = machine.CreateProcess("main");
        cpu.SwitchTo(process);
        SyscallResult mapped = process.Memory.Map(
            cpu.Id, Base, (ulong)pages * 4096, protection, flags | MapFlags.FixedNoReplace, file.ToMappedFile(), fileOffset * 4096);
        Assert.False(mapped.IsError);
        return process;
    }
}
