using Engine.Arm64;
using Engine.Arm64.Faults;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Diagnostics;
using Engine.Core.Units;
using Xunit;

namespace Engine.PropertyTests.Processes;

/// <summary>VMAs and page tables that somebody damaged: every call ends, and somebody is told.</summary>
public sealed class DamagedAreaTests : IDisposable
{
    private const MemoryProtection ReadWrite = MemoryProtection.Read | MemoryProtection.Write;
    private const ulong Length = 16UL * Pfn.PageSizeBytes;

    private readonly Machine machine = new(new MachineOptions { MemoryBytes = 64 << 20 });
    private readonly Process process;
    private readonly VirtAddr start;

    public DamagedAreaTests()
    {
        process = machine.CreateProcess("damaged");
        start = process.Memory.Map(Cpu.Id, default, Length, ReadWrite, MapFlags.Private | MapFlags.Anonymous, MappedFile.None, 0).Address;
        Cpu.SwitchTo(process);
        Assert.Equal(FaultResult.Minor, Cpu.TryWrite(start, 1));
    }

    private Cpu Cpu => machine.Cpus[0];

    /// <summary>A VMA that ends where no address is, below its own start, or below the place that it was found for.</summary>
    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(1UL << 50)]
    [InlineData(0UL)]
    [InlineData(Pfn.PageSizeBytes)]
    public void A_VMA_with_a_wrong_end_ends_every_walk(ulong end)
    {
        MemoryMap map = process.Memory;
        map.Areas[map.Areas.Find(start)].End = new VirtAddr(end);
        VirtAddr second = start + (2 * Pfn.PageSizeBytes);
        const ulong Rest = Length - (2 * Pfn.PageSizeBytes);
        Assert.Equal(Errno.ENOMEM, map.Sync(Cpu.Id, second, Rest, SyncFlags.Sync).Errno);
        Assert.Equal(Errno.ENOMEM, map.Advise(Cpu.Id, second, Rest, MemoryAdvice.DontNeed).Errno);
        Assert.Equal(Errno.ENOMEM, map.Advise(Cpu.Id, second, Rest, MemoryAdvice.PopulateWrite).Errno);
        Assert.Equal(Errno.ENOMEM, map.Lock(Cpu.Id, second, Rest, isOnFault: false).Errno);
        Assert.Equal(Errno.ENOMEM, map.QueryResident(Cpu.Id, second, Rest, new byte[16]).Errno);
        Assert.Equal(FaultResult.SegvMapErr, Cpu.TryWrite(second, 2));
        Assert.Contains(machine.Log.Items, found => found.Category == CorruptionCategory.VmAreaTree && found.Reason == "range of a VMA");
        process.Exit(Cpu.Id);
    }

    [Fact]
    public void An_entry_that_maps_no_frame_is_reported()
    {
        ref Descriptor entry = ref process.Tables.Find(start, out _);
        entry = new Descriptor(entry.ToUInt64() | (1UL << 45));
        Corruption found = Assert.Single(machine.VerifyMappings(), found => found.Category == CorruptionCategory.PageTable);
        Assert.Equal("entry maps what is no frame", found.Reason);
        process.Exit(Cpu.Id);
    }

    public void Dispose() => machine.Dispose();
}
