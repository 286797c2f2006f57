using Engine.Arm64;
using Engine.Arm64.HugePages;
using Engine.Arm64.PageTables;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.HugePages;

/// <summary>Large anonymous folios in the fault path: against an abstract memory, and rule by rule.</summary>
public sealed class FolioFaultTests
{
    private const MemoryProtection ReadWrite = MemoryProtection.Read | MemoryProtection.Write;
    private static readonly VirtAddr Base = new(0x1000_0000_0000);

    // Sizes that are on: none, 16 KiB to 2 MiB, all.
    public static TheoryData<KernelRelease, uint> Worlds => new()
    {
        { KernelRelease.Linux69, 0 },
        { KernelRelease.Linux69, 1u << 2 },
        { KernelRelease.Linux618, 1u << 4 },
        { KernelRelease.Linux69, 1u << 6 },
        { KernelRelease.Linux69, 1u << 9 },
        { KernelRelease.Linux618, 1u << 9 },
        { KernelRelease.Linux618, 0x3fc },
        { KernelRelease.Linux69, 0x3fc },
    };

    [Theory]
    [MemberData(nameof(Worlds))]
    public void Every_process_sees_its_own_bytes(KernelRelease release, uint orders) =>
        ModelProperty.Check(Operations(), steps => Run(steps, release, orders, FolioBug.None), tests: 12, length: 60);

    /// <summary>All changes of tables keep to break-before-make, also for CPUs that let nothing change in place.</summary>
    [Theory]
    [InlineData(KernelRelease.Linux69, 0)]
    [InlineData(KernelRelease.Linux69, 1u << 4)]
    [InlineData(KernelRelease.Linux618, 0x3fc)]
    public void Live_entries_are_broken_before_they_are_made_anew(KernelRelease release, uint orders) => ModelProperty.Check(
        Operations(),
        steps =>
        {
            using FolioWorld world = new(release, Sizes(orders), tableChecks: BreakBeforeMakeLevel.Level0);
            foreach (FolioOperation step in steps)
            {
                world.Step(step);
                world.Machine.CheckTables();
                Assert.Empty(world.Machine.TableFindings);
            }
        },
        tests: 6,
        length: 50);

    [Fact]
    public void A_lost_mapping_is_caught() =>
        ModelProperty.MustFail(Operations(), steps => Run(steps, KernelRelease.Linux618, 0x3fc, FolioBug.DropsOneMapping), tests: 40, length: 60);

    [Theory]
    [InlineData(4, 16)]
    [InlineData(5, 32)]
    [InlineData(2, 4)]
    public void A_write_maps_the_whole_folio(int order, int pages)
    {
        using Machine machine = Boot(order);
        Process process = Start(machine, 64);
        machine.Cpus[0].TryWrite(Base + (5 * 4096), 1);
        Assert.Equal((ulong)pages, process.ResidentPages);
        Assert.Equal(1u, process.Faults.Minor);
        bool isContiguous = process.Tables.Read(Base + (5 * 4096)).IsContiguous;
        Assert.Equal(pages >= 16, isContiguous);
        Assert.Empty(machine.VerifyMappings());
    }

    [Fact]
    public void A_folio_fits_into_its_mapping_and_covers_nothing_mapped()
    {
        using Machine machine = Boot(4);
        Process process = Start(machine, 24);
        Cpu cpu = machine.Cpus[0];
        cpu.TryWrite(Base + (20 * 4096), 1);
        Assert.Equal(1u, process.ResidentPages); // pages 16 to 31 do not fit
        cpu.TryRead(Base + (3 * 4096), out _);
        cpu.TryWrite(Base + (4 * 4096), 1);
        Assert.Equal(2u, process.ResidentPages); // the zero page at 3 is in the way
    }

    [Fact]
    public void Unmapping_a_part_keeps_the_folio_until_it_is_split()
    {
        using Machine machine = Boot(4);
        Process process = Start(machine, 64);
        Cpu cpu = machine.Cpus[0];
        for (int page = 0; page < 16; page++)
        {
            cpu.TryWrite(Base + ((ulong)page * 4096), 1);
        }

        ulong used = Used(machine);
        process.Memory.Unmap(cpu.Id, Base, 3 * 4096);
        Assert.Equal(1, machine.DeferredSplitCount);
        Assert.False(process.Tables.Read(Base + (5 * 4096)).IsContiguous);
        Assert.Equal(1, machine.SplitDeferredFolios(cpu.Id));
        Assert.Equal(0, machine.DeferredSplitCount);
        Assert.Equal(used - 3, Used(machine));
        Assert.Equal(1, machine.HugePageCounters[HugePageEvent.FolioSplit]);
        Assert.Empty(machine.VerifyMappings());
    }

    [Fact]
    public void Protection_there_and_back_leaves_the_run_contiguous()
    {
        using Machine machine = Boot(4);
        Process process = Start(machine, 64);
        Cpu cpu = machine.Cpus[0];
        cpu.TryWrite(Base, 1);
        process.Memory.Protect(cpu.Id, Base + 4096, 4096, MemoryProtection.Read);
        Assert.False(process.Tables.Read(Base).IsContiguous);
        process.Memory.Protect(cpu.Id, Base, 16 * 4096, MemoryProtection.Read);
        Assert.True(process.Tables.Read(Base).IsContiguous);
    }

    [Fact]
    public void Two_mebibytes_are_one_entry_and_keep_a_table_in_reserve()
    {
        using Machine machine = Boot(HugePageOptions.HugeOrder);
        Process process = Start(machine, 1024);
        Cpu cpu = machine.Cpus[0];
        cpu.TryWrite(Base + (700 * 4096), 7);
        Descriptor entry = process.Tables.Read(Base + (512 * 4096), out int level);
        Assert.Equal(2, level);
        Assert.True(entry.IsPresent);
        Assert.Equal(512u, process.ResidentPages);
        Assert.Equal(3, process.Tables.PageTablePages);
        process.Memory.Advise(cpu.Id, Base + (600 * 4096), 4096, MemoryAdvice.DontNeed);
        process.Tables.Read(Base + (512 * 4096), out level);
        Assert.Equal(3, level);
        Assert.Equal(3, process.Tables.PageTablePages);
        cpu.TryRead(Base + (700 * 4096), out byte value);
        Assert.Equal(7, value);
        Assert.Equal(1, machine.HugePageCounters[HugePageEvent.MapSplit]);
        Assert.Empty(machine.VerifyMappings());
    }

    [Fact]
    public void A_read_maps_the_huge_zero_page_which_counts_for_nobody()
    {
        using Machine machine = Boot(HugePageOptions.HugeOrder);
        Process process = Start(machine, 1024);
        machine.Cpus[0].TryRead(Base, out byte value);
        Assert.Equal(0, value);
        Assert.Equal(0u, process.ResidentPages);
        Assert.True(process.ReadPageMap(Base + (300 * 4096)).IsZeroPage);
        Assert.True(machine.HugePages.IsEligible(process.Memory.Areas[process.Memory.Areas.Find(Base)], isDisabled: false));
        Assert.False(machine.HugePages.IsEligible(process.Memory.Areas[process.Memory.Areas.Find(Base)], isDisabled: true));
        Assert.Equal(1, machine.HugePageCounters[HugePageEvent.ZeroPageAllocation]);
    }

    [Fact]
    public void Collapse_makes_one_folio_of_single_pages()
    {
        using Machine machine = Boot(HugePageOptions.HugeOrder);
        Process process = Start(machine, 512);
        Cpu cpu = machine.Cpus[0];
        machine.HugePages.Enabled = HugePageMode.Never;
        for (ulong page = 0; page < 512; page += 3)
        {
            cpu.TryWrite(Base + (page * 4096), (byte)page);
        }

        Assert.Equal(171u, process.ResidentPages);
        Assert.Equal(0, machine.CollapseHugePages(cpu.Id));
        machine.HugePages.Enabled = HugePageMode.Always;
        Assert.Equal(1, machine.CollapseHugePages(cpu.Id));
        Assert.Equal(512u, process.ResidentPages);
        for (ulong page = 0; page < 512; page++)
        {
            cpu.TryRead(Base + (page * 4096), out byte value);
            Assert.Equal(page % 3 == 0 ? (byte)page : 0, value);
        }

        Assert.Empty(machine.VerifyMappings());
    }

    [Fact]
    public void Exit_gives_everything_back()
    {
        using Machine machine = Boot(HugePageOptions.HugeOrder);
        ulong before = Used(machine);
        Process process = Start(machine, 1024);
        machine.Cpus[0].TryWrite(Base, 1);
        Process child = process.Fork(machine.Cpus[0].Id, "child")!;
        process.Exit(machine.Cpus[0].Id);
        child.Exit(machine.Cpus[0].Id);
        Assert.InRange(Used(machine), before, before + 16); // slabs stay
        Assert.Empty(machine.VerifyMappings());
    }

    private static Dictionary<int, HugePageMode> Sizes(uint orders) => Enumerable.Range(HugePageOptions.SmallestOrder, 8)
        .ToDictionary(order => order, order => (orders >> order & 1) != 0 ? HugePageMode.Inherit : HugePageMode.Never);

    private static void Run(IReadOnlyList<FolioOperation> steps, KernelRelease release, uint orders, FolioBug bug)
    {
        using FolioWorld world = new(release, Sizes(orders), bug);
        int done = 0;
        foreach (FolioOperation step in steps)
        {
            world.Step(step);
            if (++done % 8 == 0)
            {
                world.Verify();
            }
        }

        world.Verify();
        world.CompareAll();
        world.Verify();
    }

    private static Gen<FolioOperation> Operations()
    {
        Gen<FolioOperationKind> kinds = Gen.Frequency(
            (8, Gen.Constant(FolioOperationKind.Write)),
            (2, Gen.Constant(FolioOperationKind.Read)),
            (8, Gen.Elements(Enum.GetValues<FolioOperationKind>())));
        Gen<int> pages = Gen.OneOf(Gen.Choose(0, FolioWorld.PageCount - 1), Gen.Elements(0, 1, 15, 16, 511, 512, 513, 1024, 1599));
        Gen<int> counts = Gen.Elements(1, 1, 3, 16, 17, 64, 512, 600, FolioWorld.PageCount);
        return from kind in kinds
               from process in Gen.Choose(0, 3)
               from page in pages
               from count in counts
               from value in Gen.Choose(1, 255)
               select new FolioOperation(kind, process, page, count, (byte)value);
    }

    private static Machine Boot(int order) => new(new MachineOptions
    {
        MemoryBytes = 64 << 20,
        HugePages = new HugePageOptions
        {
            Enabled = HugePageMode.Always,
            Sizes = new Dictionary<int, HugePageMode> { [HugePageOptions.HugeOrder] = HugePageMode.Never, [order] = HugePageMode.Inherit },
        },
    });

    private static Process Start(Machine machine, int pages)
    {
        Process process = machine.CreateProcess("main");
        machine.Cpus[0].SwitchTo(process);
        process.Memory.Map(
            machine.Cpus[0].Id, Base, (ulong)pages * 4096, ReadWrite, MapFlags.Private | MapFlags.Anonymous | MapFlags.FixedNoReplace, MappedFile.None, 0);
        return process;
    }

    // Frames in use, those on per-CPU lists not among them.
    private static ulong Used(Machine machine)
    {
        machine.Pages.DrainAll(machine.Cpus[0].Id);
        return machine.Pages.ManagedPages - machine.Pages.Zones.Aggregate(0UL, (sum, zone) => sum + zone.FreePages);
    }
}
