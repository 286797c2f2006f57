using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.PageTables;

/// <summary>
/// Maps of blocks, runs and pages against a dictionary of probed pages: whatever the shape of the map, each probe
/// translates (by the walker) as the sum of all operations says.
/// </summary>
public sealed class RangeBuildTests
{
    private const ulong Page = 4096;
    private const ulong Block = 2UL << 20;
    private const ulong Memory = 0x10_0000_0000;
    private const ulong RegionBytes = 2UL << 30;

    private static readonly PageAttributes[] Kinds = [PageAttributes.Kernel, PageAttributes.KernelReadOnly, PageAttributes.KernelReadExecute];

    // Both sides of every likely border, and places between; a run adds the ends of its steps.
    private static readonly ulong[] Probes =
    [
        .. Enumerable.Range(0, 96).Select(i => ((ulong)i * 0x55_5000) & ~(Page - 1)).Where(at => at < RegionBytes),
        .. Enumerable.Range(0, 16).SelectMany(i => (ulong[])[((ulong)i << 21) + (1UL << 30), ((ulong)i << 21) + (1UL << 30) - Page]),
        0, RegionBytes - Page, 1UL << 25, (1UL << 25) - Page, 1UL << 16, (1UL << 16) - Page,
    ];

    private static Gen<(int Kind, ulong Start, ulong Length, int Attributes, int Shapes, bool IsShifted)> Steps() =>
        from kind in Gen.Choose(0, 5)
        from unit in Gen.Elements(Page, 16 * Page, Block, 16 * Block, 1UL << 30)
        from start in Gen.Choose(0, (int)(RegionBytes / Block))
        from offset in Gen.Choose(0, 3)
        from length in Gen.Choose(1, 40)
        from attributes in Gen.Choose(0, 2)
        from shapes in Gen.Choose(0, 3)
        from shift in Gen.Choose(0, 3)
        let at = Math.Min(((ulong)start * Block / unit * unit) + (offset == 0 ? (ulong)length * Page : 0), RegionBytes - Page)
        select (kind, at, Math.Min((ulong)length * unit, RegionBytes - at), attributes, shapes, shift == 0);

    [Fact]
    public void Every_shape_translates_alike() => ModelProperty.Check(Steps(), steps => Run(steps, plantedBug: false), tests: 100, length: 40);

    [Fact]
    public void A_protection_that_reaches_too_far_is_caught() => ModelProperty.MustFail(Steps(), steps => Run(steps, plantedBug: true), tests: 200, length: 40);

    private static void Run(IReadOnlyList<(int Kind, ulong Start, ulong Length, int Attributes, int Shapes, bool IsShifted)> steps, bool plantedBug)
    {
        using TestTree machine = new(32UL << 20);
        Assert.True(PageTable.TryCreate(machine.Allocator, TestTree.Cpu, PageTableKind.Kernel, out PageTable? tree));
        Dictionary<ulong, (ulong Address, PageAttributes Attributes)> model = [];
        ulong[] probes = [.. Probes.Concat(steps.SelectMany(step => (ulong[])[step.Start + step.Length - Page, step.Start + step.Length])).Where(at => at < RegionBytes).Distinct()];
        foreach ((int kind, ulong start, ulong length, int attributes, int shapes, bool isShifted) in steps)
        {
            VirtAddr address = AddressOf(start);
            ulong reach = plantedBug ? length + Page : length;
            if (kind < 2)
            {
                // Memory is shifted now and then, so that nothing larger than a page fits.
                ulong target = Memory + start + (isShifted ? Page : 0);
                Assert.True(tree.TryUnmap(TestTree.Cpu, address, length));
                ulong mapped = tree.MapRange(TestTree.Cpu, address, new PhysAddr(target), length, Kinds[attributes], (MapShapes)shapes);
                Forget(model, probes, start, length);
                foreach (ulong probe in Covered(probes, start, mapped))
                {
                    model[probe] = (target + (probe - start), Kinds[attributes]);
                }
            }
            else if (kind == 2)
            {
                Assert.True(tree.TryUnmap(TestTree.Cpu, address, length));
                Forget(model, probes, start, length);
            }
            else if (kind < 5)
            {
                Assert.True(tree.TryProtect(TestTree.Cpu, address, length, Kinds[attributes]));
                foreach (ulong probe in Covered(probes, start, reach).Where(model.ContainsKey))
                {
                    model[probe] = (model[probe].Address, Kinds[attributes]);
                }
            }
            else
            {
                _ = tree.TrySplitBlock(TestTree.Cpu, address);
            }

            Compare(machine, tree, model, probes);
        }

        Assert.Equal(0, machine.Log.Count);
        Assert.True(tree.TryUnmap(TestTree.Cpu, AddressOf(0), RegionBytes));
        tree.FreeTables(TestTree.Cpu, AddressOf(0), RegionBytes, new VirtAddr(0xFFFFUL << 48), null);
        Assert.Equal(0, tree.PageTablePages);
    }

    private static void Forget(Dictionary<ulong, (ulong Address, PageAttributes Attributes)> model, ulong[] probes, ulong start, ulong length)
    {
        foreach (ulong probe in Covered(probes, start, length))
        {
            model.Remove(probe);
        }
    }

    private static void Compare(TestTree machine, PageTable tree, Dictionary<ulong, (ulong Address, PageAttributes Attributes)> model, ulong[] probes)
    {
        const ulong Tcr = (16UL << 16) | (2UL << 30) | (5UL << 32) | (1UL << 7) | 16;
        TranslationRegisters registers = new(0, tree.Root.Address.ToUInt64(), Tcr, 0xFF, 1, ArchitectureProfile.Full);
        ArenaMemory memory = new(machine.Memory);
        foreach (ulong probe in probes)
        {
            TranslationResult result = Walker.Translate(ref memory, registers, AddressOf(probe), new TranslationAccess(AccessKind.Load, 1));
            Assert.Equal(model.ContainsKey(probe), result.IsOk);
            if (!result.IsOk)
            {
                continue;
            }

            (ulong address, PageAttributes attributes) = model[probe];
            Assert.Equal(new PhysAddr(address), result.Address);
            Assert.Equal(attributes != PageAttributes.Kernel, result.Descriptor.IsReadOnly);
            Assert.Equal(attributes != PageAttributes.KernelReadExecute, result.Descriptor.IsPrivilegedExecuteNever);
            CheckRun(tree, probe, result);
        }
    }

    // A leaf with the contiguous bit has fifteen neighbours that continue it.
    private static void CheckRun(PageTable tree, ulong probe, in TranslationResult result)
    {
        if (!result.IsContiguous)
        {
            return;
        }

        ulong leafBytes = 1UL << result.BlockShift;
        ulong first = probe & ~((1UL << result.RunShift) - 1);
        ulong head = tree.Read(AddressOf(first), out int level).ToUInt64();
        for (ulong i = 0; i < 16; i++)
        {
            Assert.Equal(head + (i * leafBytes), tree.Read(AddressOf(first + (i * leafBytes)), out int ownLevel).ToUInt64());
            Assert.Equal(level, ownLevel);
        }
    }

    private static IEnumerable<ulong> Covered(ulong[] probes, ulong start, ulong length) => probes.Where(probe => probe >= start && probe - start < length);

    private static VirtAddr AddressOf(ulong offset) => new((0xFFFFUL << 48) + offset);

    [Fact]
    public void The_largest_leaves_that_fit_are_used()
    {
        using TestTree machine = new();
        Assert.True(PageTable.TryCreate(machine.Allocator, TestTree.Cpu, PageTableKind.Kernel, out PageTable? tree));
        ulong length = (1UL << 30) + (32UL << 20) + (1UL << 16) + Page;
        Assert.Equal(length, tree.MapRange(
            TestTree.Cpu, AddressOf(0), new PhysAddr(Memory), length, PageAttributes.Kernel, MapShapes.Blocks | MapShapes.ContiguousRuns));
        Assert.Equal(1, LevelAt(tree, 0, isContiguous: false));
        Assert.Equal(2, LevelAt(tree, 1UL << 30, isContiguous: true));
        Assert.Equal(3, LevelAt(tree, (1UL << 30) + (32UL << 20), isContiguous: true));
        Assert.Equal(3, LevelAt(tree, length - Page, isContiguous: false));

        // One page of a run of blocks changes: the run, then the block, give way.
        Assert.True(tree.TryProtect(TestTree.Cpu, AddressOf((1UL << 30) + Page), Page, PageAttributes.KernelReadOnly));
        Assert.Equal(3, LevelAt(tree, 1UL << 30, isContiguous: false));
        Assert.Equal(2, LevelAt(tree, (1UL << 30) + Block, isContiguous: false));
    }

    [Fact]
    public void A_run_that_an_empty_table_interrupts_is_not_marked_contiguous()
    {
        using TestTree machine = new();
        Assert.True(PageTable.TryCreate(machine.Allocator, TestTree.Cpu, PageTableKind.Kernel, out PageTable? tree));
        ulong run = 16 * Block;
        Assert.Equal(Page, tree.MapRange(TestTree.Cpu, AddressOf(5 * Block), new PhysAddr(Memory), Page, PageAttributes.Kernel, MapShapes.Pages));
        Assert.True(tree.TryUnmap(TestTree.Cpu, AddressOf(5 * Block), Page));
        ulong mapped = tree.MapRange(TestTree.Cpu, AddressOf(0), new PhysAddr(Memory), 2 * run, PageAttributes.Kernel, MapShapes.Blocks | MapShapes.ContiguousRuns);
        Assert.Equal(5 * Block, mapped);
        Assert.Equal(2, LevelAt(tree, 0, isContiguous: false));
        Assert.Equal(2, LevelAt(tree, 4 * Block, isContiguous: false));
    }

    private static int LevelAt(PageTable tree, ulong offset, bool isContiguous)
    {
        Descriptor leaf = tree.Read(AddressOf(offset), out int level);
        Assert.Equal(isContiguous, leaf.IsContiguous);
        return level;
    }

    [Fact]
    public void Splitting_without_memory_changes_nothing()
    {
        using TestTree machine = new(4UL << 20);
        Assert.True(PageTable.TryCreate(machine.Allocator, TestTree.Cpu, PageTableKind.Kernel, out PageTable? tree));
        Assert.True(tree.TryMapBlock(TestTree.Cpu, AddressOf(0), new Pfn((uint)(Memory >> 12)), PageAttributes.Kernel, 2));
        while (machine.Allocator.TryAllocate(TestTree.Cpu, Order.Zero, GfpFlags.Kernel, out _))
        {
        }

        Descriptor before = tree.Read(AddressOf(0));
        Assert.False(tree.TryProtect(TestTree.Cpu, AddressOf(Page), Page, PageAttributes.KernelReadOnly));
        Assert.False(tree.TryUnmap(TestTree.Cpu, AddressOf(Page), Page));
        Assert.Equal(before, tree.Read(AddressOf(0)));
        Assert.Throws<ArgumentException>(() => tree.TryMapBlock(TestTree.Cpu, AddressOf(Page), new Pfn(0), PageAttributes.Kernel, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.TryMapBlock(TestTree.Cpu, AddressOf(0), new Pfn(0), PageAttributes.Kernel, 3));
    }
}
