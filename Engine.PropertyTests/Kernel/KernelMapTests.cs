using Engine.Arm64;
using Engine.Arm64.Kernel;
using Engine.Arm64.Kernel.Map;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Arena;
using Engine.Core.Units;
using Xunit;

namespace Engine.PropertyTests.Kernel;

/// <summary>The kernel's own map: what is where, with which protection, and what ptdump says of it.</summary>
public sealed class KernelMapTests
{
    private const ulong Linear = 0xffff_0000_0000_0000;
    private const ulong Image = 0xffff_8000_8000_0000;
    private static readonly CpuId Cpu = new(0);

    [Theory]
    [InlineData(RodataMode.Full)]
    [InlineData(RodataMode.On)]
    [InlineData(RodataMode.Off)]
    public void Every_byte_of_memory_is_in_the_linear_map_and_nothing_else(RodataMode rodata)
    {
        using Machine machine = Boot(rodata, Banks());
        KernelMap map = machine.Kernel.Map;
        foreach (MemoryBank bank in machine.Memory.Banks)
        {
            for (ulong offset = 0; offset < bank.LengthBytes; offset += 4096 * 37)
            {
                VirtAddr address = map.ToLinear(bank.Start + offset);
                Assert.Equal(bank.Start + offset, Translate(machine, address).Address);
                Assert.True(map.TryToPhysical(address, out PhysAddr back) && back == bank.Start + offset);
            }

            Assert.False(Translate(machine, map.ToLinear(bank.End)).IsOk);
        }

        Assert.False(map.TryToPhysical(map.ToLinear(machine.Memory.Banks[0].End), out _));
        Assert.Equal(rodata == RodataMode.Off, KernelPageTablesText.CountWritableExecutable(machine.Memory, map.Tables.Root.Address) != 0);
    }

    [Fact]
    public void Segments_have_their_protection_in_the_image_and_in_the_linear_map()
    {
        using Machine machine = Boot(RodataMode.On);
        KernelMap map = machine.Kernel.Map;
        (KernelSegment Segment, bool IsWritable, bool IsExecutable, bool IsAliasWritable)[] expected =
        [
            (map.Image.Text, false, true, false), (map.Image.Rodata, false, false, false), (map.Image.InitText, false, true, true),
            (map.Image.InitData, true, false, true), (map.Image.Data, true, false, true),
        ];
        foreach ((KernelSegment segment, bool isWritable, bool isExecutable, bool isAliasWritable) in expected)
        {
            foreach (ulong offset in new ulong[] { 0, segment.LengthBytes / 2, segment.LengthBytes - 1 })
            {
                TranslationResult found = Translate(machine, segment.Start + offset);
                Assert.Equal(segment.Physical + offset, found.Address);
                Assert.Equal((isWritable, isExecutable), (found.Permissions.HasFlag(AccessPermissions.PrivilegedWrite), found.Permissions.HasFlag(AccessPermissions.PrivilegedExecute)));
                Assert.Equal(AccessPermissions.None, found.Permissions & (AccessPermissions.UserRead | AccessPermissions.UserWrite | AccessPermissions.UserExecute));
                TranslationResult alias = Translate(machine, map.ToLinear(segment.Physical + offset));
                Assert.Equal((isAliasWritable, false), (alias.Permissions.HasFlag(AccessPermissions.PrivilegedWrite), alias.Permissions.HasFlag(AccessPermissions.PrivilegedExecute)));
            }
        }
    }

    [Fact]
    public void Init_memory_is_unmapped_and_free_after_boot()
    {
        using Machine machine = Boot(RodataMode.Full);
        KernelMap map = machine.Kernel.Map;
        (PhysAddr start, ulong before) = (map.Image.InitText.Physical, machine.Pages.Zones.Aggregate(0UL, (sum, zone) => sum + zone.FreePages));
        Assert.True(Translate(machine, map.Image.InitText.Start).IsOk);
        Assert.Equal(256u, map.FreeInit(Cpu));
        Assert.False(Translate(machine, map.Image.InitText.Start).IsOk);
        Assert.True(Translate(machine, map.ToLinear(start)).IsOk);
        Assert.Equal(before + 256, machine.Pages.Zones.Aggregate(0UL, (sum, zone) => sum + zone.FreePages));
        Assert.DoesNotContain(machine.Layout.Regions, region => region.Name == "kernel init");
        Assert.True(machine.Memory.TryRead(start, out byte poison));
        Assert.Equal(0xcc, poison);
        Assert.True(machine.Pages.FindZone(start.Pfn)!.Area.IsRangeFree(start.Pfn.ToUInt32(), start.Pfn.ToUInt32() + 256));
        Assert.Equal(0u, map.FreeInit(Cpu));
        Assert.Equal(0, machine.Log.Count);
    }

    [Fact]
    public void The_frame_table_is_seen_at_vmemmap_and_the_device_tree_in_the_fixmap()
    {
        using Machine machine = Boot(RodataMode.Full, Banks());
        KernelMap map = machine.Kernel.Map;
        foreach (MemoryBank bank in machine.Memory.Banks)
        {
            Pfn pfn = bank.Start.Pfn + 123;
            machine.Pages.Frames[pfn].Private = 0xfeed;
            PhysAddr place = Translate(machine, map.ToPage(pfn)).Address;
            Assert.True(machine.Memory.TryRead(place + 40, out ulong value));
            Assert.Equal(0xfeedUL, value);
            machine.Pages.Frames[pfn].Private = 0;
        }

        // No section of the hole between the banks is there.
        Assert.False(Translate(machine, map.ToPage(new PhysAddr(0x6000_0000).Pfn)).IsOk);
        Assert.Equal(map.Image.DeviceTree.Start, Translate(machine, KernelLayout.AddressOf(FixmapSlot.DeviceTree)).Address);
        VirtAddr poke = KernelLayout.AddressOf(FixmapSlot.TextPoke);
        Assert.True(map.TrySetFixmap(Cpu, FixmapSlot.TextPoke, map.Image.Text.Physical, PageAttributes.Kernel));
        Assert.False(map.TrySetFixmap(Cpu, FixmapSlot.TextPoke, map.Image.Text.Physical, PageAttributes.Kernel));
        Assert.True(machine.Kernel.Access.TryWrite(machine.Cpus[0], poke + 8, 0x1234UL));
        Assert.True(machine.Kernel.Access.TryRead(machine.Cpus[0], map.Image.Text.Start + 8, out ulong instruction));
        Assert.Equal(0x1234UL, instruction);
        map.ClearFixmap(Cpu, FixmapSlot.TextPoke);
        Assert.False(machine.Kernel.Access.TryWrite(machine.Cpus[0], poke, 1UL));
    }

    [Fact]
    public void Ptdump_prints_regions_sizes_and_protection()
    {
        using Machine machine = Boot(RodataMode.On);
        machine.Kernel.Map.FreeInit(Cpu);
        string[] lines = machine.Kernel.FormatPageTables().Split('\n');
        Assert.Equal("---[ Linear Mapping start ]---", lines[0]);
        Assert.Equal("0xffff000000000000-0xffff000000010000          64K PTE       RW NX SHD AF    CON     UXN    MEM/NORMAL", lines[1]);
        Assert.Contains("0xffff000000c00000-0xffff000002000000          20M PMD       RW NX SHD AF        BLK UXN    MEM/NORMAL", lines);
        Assert.Contains("0xffff000002000000-0xffff000004000000          32M PMD       RW NX SHD AF    CON BLK UXN    MEM/NORMAL", lines);
        Assert.Contains("0xffff000004000000-0xffff000040000000         960M PMD", lines);
        Assert.Contains("0xffff800080010000-0xffff800080200000        1984K PTE       ro x  SHD AF    CON     UXN    MEM/NORMAL", lines);
        Assert.Contains("0xffff800080200000-0xffff800080800000           6M PMD       ro x  SHD AF        BLK UXN    MEM/NORMAL", lines);
        string[] markers =
        [
            "Linear Mapping start", "Linear Mapping end", "Modules start", "Modules end", "vmalloc() area", "vmalloc() end", "vmemmap start",
            "vmemmap end", "PCI I/O start", "PCI I/O end", "Fixmap start", "Fixmap end",
        ];
        Assert.Equal(markers.Select(name => $"---[ {name} ]---"), lines.Where(line => line.StartsWith("---[", StringComparison.Ordinal)));
        CheckCoverage(lines);
    }

    [Fact]
    public void Full_rodata_has_single_pages_and_the_contiguous_bit_nowhere_in_the_linear_map()
    {
        using Machine machine = Boot(RodataMode.Full);
        string[] lines = machine.Kernel.FormatPageTables().Split('\n');
        string[] linear = [.. lines.Skip(1).TakeWhile(line => !line.StartsWith("---[", StringComparison.Ordinal))];
        Assert.DoesNotContain(linear, line => line.Contains("BLK", StringComparison.Ordinal) || line.Contains("CON", StringComparison.Ordinal));
        Assert.Equal(
            ["0xffff000000000000-0xffff000000010000          64K PTE       RW NX SHD AF            UXN    MEM/NORMAL",
             "0xffff000000010000-0xffff000000b10000          11M PTE       ro NX SHD AF            UXN    MEM/NORMAL",
             "0xffff000000b10000-0xffff000004000000       54208K PTE       RW NX SHD AF            UXN    MEM/NORMAL"],
            linear[..3]);
        CheckCoverage(lines);
    }

    [Fact]
    public void Modules_have_their_own_range_and_the_image_is_in_vmallocinfo()
    {
        using Machine machine = Boot(RodataMode.On);
        Vmalloc vmalloc = machine.Kernel.Vmalloc;
        Assert.True(vmalloc.TryAllocateIn(Cpu, KernelMemory.Modules, 20_000, GfpFlags.Kernel, VmallocFlags.None, 0, out VirtAddr module));
        Assert.Equal(0xffff_8000_0000_0000UL, module.ToUInt64());
        Assert.True(vmalloc.TryAllocate(Cpu, 4096, GfpFlags.Kernel, VmallocFlags.None, 0, out VirtAddr plain));
        Assert.Equal(Image, plain.ToUInt64());
        Assert.True(vmalloc.TryAllocate(Cpu, 64 << 10, GfpFlags.Kernel, VmallocFlags.None, 0, out VirtAddr behind));
        Assert.Equal(machine.Kernel.Map.Image.Data.End, behind);
        Assert.StartsWith(
            "0xffff800000000000-0xffff800000006000   24576 pages=5 vmalloc N0=5\n0xffff800080000000-0xffff800080002000    8192 pages=1 vmalloc N0=1\n"
            + "0xffff800080010000-0xffff800080810000 8388608 phys=0x0000000040010000 vmap\n",
            vmalloc.FormatInfo(), StringComparison.Ordinal);
        Assert.Equal(
            (false, false),
            (vmalloc.TryAllocateIn(Cpu, new VmallocRange(KernelLayout.ModulesStart, KernelLayout.ModulesStart + 8192), 4096, GfpFlags.Kernel, VmallocFlags.None, 0, out _),
             vmalloc.TryAllocateIn(Cpu, new VmallocRange(KernelLayout.ModulesStart, KernelLayout.ModulesStart + 4096), 1, GfpFlags.Kernel, VmallocFlags.None, 0, out _)));
        vmalloc.Free(Cpu, module);
        vmalloc.Free(Cpu, plain);
        vmalloc.Free(Cpu, behind);
        vmalloc.Purge(Cpu);
        Assert.Equal((0, 0L), (vmalloc.Verify(), machine.Log.Count));
    }

    // Each line begins where the one before ended, and the last ends at the top.
    private static void CheckCoverage(string[] lines)
    {
        ulong next = Linear;
        foreach (string line in lines.Where(line => line.StartsWith("0x", StringComparison.Ordinal)))
        {
            Assert.Equal(next, Convert.ToUInt64(line[..18], 16));
            next = Convert.ToUInt64(line[19..37], 16);
        }

        Assert.Equal(0UL, next);
    }

    private static MemoryBank[] Banks() =>
        [new(new PhysAddr(0x4000_0000), 64UL << 20), new(new PhysAddr(0x8020_0000), 32UL << 20), new(new PhysAddr(0x1_0000_0000), 6UL << 20)];

    private static Machine Boot(RodataMode rodata, MemoryBank[]? banks = null) => new(new MachineOptions
    {
        MemoryBytes = 64UL << 20,
        Banks = banks,
        KernelMap = new KernelMapOptions { Rodata = rodata },
    });

    private static TranslationResult Translate(Machine machine, VirtAddr address)
    {
        const ulong Tcr48 = 16UL | (16UL << 16) | (2UL << 30) | (5UL << 32);
        TranslationRegisters registers = new(0, machine.Kernel.Map.Tables.Root.Address.ToUInt64(), Tcr48, 0xff, TranslationRegisters.SctlrMmuOn, ArchitectureProfile.Full);
        ArenaMemory memory = new(machine.Memory);
        return Walker.Translate(ref memory, registers, address, new TranslationAccess(AccessKind.Load, 1));
    }
}
