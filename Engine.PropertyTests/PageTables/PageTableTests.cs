using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.PageTables;

/// <summary>The tree of tables against a dictionary from page to descriptor.</summary>
public sealed class PageTableTests
{
    private const int PageCount = 1 << 12;

    // Pages that are near and far, so that tables of every level are shared and not shared.
    private static ulong AddressOf(int page) =>
        ((ulong)(page & 15) << 12) | ((ulong)((page >> 4) & 15) << 20) | ((ulong)((page >> 8) & 3) << 29) | ((ulong)(page >> 10) << 45);

    private static Gen<Step> Steps() =>
        from kind in Gen.Choose(0, 9)
        from page in Gen.Choose(0, PageCount - 1)
        from other in Gen.Choose(0, PageCount - 1)
        from value in Gen.Choose(0, 1 << 20)
        select new Step(kind, page, other, (uint)value);

    [Fact]
    public void Behaves_as_a_dictionary() => ModelProperty.Check(Steps(), steps => Run(steps, plantedBug: false), tests: 150, length: 300);

    [Fact]
    public void A_lost_unmap_is_caught() => ModelProperty.MustFail(Steps(), steps => Run(steps, plantedBug: true), tests: 50);

    private static void Run(IReadOnlyList<Step> steps, bool plantedBug)
    {
        using TestTree machine = new();
        PageTable tree = machine.Table;
        Dictionary<ulong, ulong> model = [];
        foreach (Step step in steps)
        {
            ulong address = AddressOf(step.Page);
            switch (step.Kind)
            {
                case < 5:
                    Descriptor mapped = Descriptor.ForPage(new Pfn(step.Value), PageAttributes.UserReadWrite);
                    Assert.True(tree.TryMap(TestTree.Cpu, new VirtAddr(address), mapped));
                    model[address] = mapped.ToUInt64();
                    break;
                case < 8:
                    ulong from = Math.Min(address, AddressOf(step.Other));
                    ulong length = Math.Max(address, AddressOf(step.Other)) - from + 4096;
                    Clear clear = default;
                    tree.Visit(new VirtAddr(from), length, ref clear);
                    ulong[] gone = [.. model.Keys.Where(key => key >= from && key - from < length)];
                    Assert.Equal(gone.Length, clear.Count);
                    Array.ForEach(gone, key => model.Remove(key));
                    if (plantedBug && gone.Length > 0)
                    {
                        tree.TryMap(TestTree.Cpu, new VirtAddr(gone[0]), PageAttributesOf(1));
                    }

                    tree.FreeTables(TestTree.Cpu, new VirtAddr(from), length, Floor(model, from), Ceiling(model, from));
                    break;
                default:
                    MoveSome(tree, model, address, AddressOf(step.Other) & ~0xFFFFUL);
                    break;
            }
        }

        Collect all = new() { Seen = [] };
        tree.Visit(new VirtAddr(0), 1UL << 48, ref all);
        Assert.Equal(model.OrderBy(pair => pair.Key).Select(pair => (pair.Key, pair.Value)), all.Seen);
        Assert.All(model, pair => Assert.Equal(pair.Value, tree.Read(new VirtAddr(pair.Key)).ToUInt64()));
        Assert.Equal(0, machine.Log.Count);
        CheckTablesGo(machine, model);
    }

    private static Descriptor PageAttributesOf(uint pfn) => Descriptor.ForPage(new Pfn(pfn), PageAttributes.UserReadOnly);

    // 16 pages, to a place that the model says is empty.
    private static void MoveSome(PageTable tree, Dictionary<ulong, ulong> model, ulong from, ulong to)
    {
        const ulong Length = 16 * 4096;
        bool isFree = !model.Keys.Any(key => key >= to && key - to < Length);
        bool overlaps = to + Length > from && from + Length > to;
        if (!isFree || overlaps)
        {
            return;
        }

        Assert.Equal(Length, tree.Move(TestTree.Cpu, new VirtAddr(from), new VirtAddr(to), Length));
        foreach (ulong key in model.Keys.Where(key => key >= from && key - from < Length).ToArray())
        {
            model.Remove(key, out ulong value);
            model[key - from + to] = value;
        }
    }

    private static VirtAddr Floor(Dictionary<ulong, ulong> model, ulong from) =>
        new(model.Keys.Where(key => key < from).Select(key => key + 4096).DefaultIfEmpty(0UL).Max());

    private static VirtAddr? Ceiling(Dictionary<ulong, ulong> model, ulong from)
    {
        ulong[] above = [.. model.Keys.Where(key => key > from)];
        return above.Length == 0 ? null : new VirtAddr(above.Min());
    }

    // Unmapping everything frees every table.
    private static void CheckTablesGo(TestTree machine, Dictionary<ulong, ulong> model)
    {
        Clear clear = default;
        machine.Table.Visit(new VirtAddr(0), 1UL << 48, ref clear);
        Assert.Equal(model.Count, clear.Count);
        machine.Table.FreeTables(TestTree.Cpu, new VirtAddr(0), 1UL << 48, new VirtAddr(0), null);
        Assert.Equal(0, machine.Table.PageTablePages);
    }

    [Fact]
    public void Running_out_of_memory_changes_nothing()
    {
        using TestTree machine = new(2UL << 20);
        ulong address = 0;
        while (machine.Table.TryMap(TestTree.Cpu, new VirtAddr(address), PageAttributesOf(1)))
        {
            address += 1UL << 39;
        }

        int before = machine.Table.PageTablePages;
        Assert.Equal(0, before % 3);
        Assert.False(machine.Table.TryMap(TestTree.Cpu, new VirtAddr(address), PageAttributesOf(1)));
        Assert.Equal(before, machine.Table.PageTablePages);
        Assert.True(machine.Table.Read(new VirtAddr(address)).IsNone);
        machine.Table.Destroy(TestTree.Cpu);
        Assert.Equal(0, machine.Table.PageTablePages);
    }

    /// <summary>Random words in tables: walks end, stay inside RAM, and the tables that are no tables are reported.</summary>
    [Fact]
    public void Garbage_in_tables_is_reported_and_ends()
    {
        using TestTree machine = new();
        for (uint i = 0; i < 64; i++)
        {
            Assert.True(machine.Table.TryMap(TestTree.Cpu, new VirtAddr((ulong)i << 30), PageAttributesOf(i)));
        }

        PhysAddr root = machine.Table.Root.Address;
        machine.Memory.GetRef<ulong>(root + 8) = root.ToUInt64() | 3;
        machine.Memory.GetRef<ulong>(root + 16) = 0xFFFF_FFFF_F003;
        machine.Memory.GetRef<ulong>(root + 24) = 0x4000_0003;
        Collect all = new() { Seen = [] };
        machine.Table.Visit(new VirtAddr(0), 1UL << 48, ref all);
        Assert.Equal(64, all.Seen.Count);
        Assert.Equal(3, machine.Log.Count);
        Assert.True(machine.Table.Read(new VirtAddr(2UL << 39)).IsNone);
        Assert.False(machine.Table.TryMap(TestTree.Cpu, new VirtAddr(2UL << 39), PageAttributesOf(1)));
        machine.Table.Destroy(TestTree.Cpu);
    }

    [Fact]
    public void An_address_outside_the_half_is_the_callers_mistake()
    {
        using TestTree machine = new();
        Assert.Throws<ArgumentOutOfRangeException>(() => machine.Table.Read(new VirtAddr(1UL << 48)));
        Assert.Throws<ArgumentOutOfRangeException>(() => machine.Table.Read(new VirtAddr(ulong.MaxValue)));
    }

    [Fact]
    public void The_kernels_half_reaches_the_last_byte()
    {
        using TestTree machine = new();
        Assert.True(PageTable.TryCreate(machine.Allocator, TestTree.Cpu, PageTableKind.Kernel, out PageTable? tree));
        VirtAddr last = new(ulong.MaxValue - 4095);
        Assert.True(tree.TryMap(TestTree.Cpu, last, new Pfn(5), PageAttributes.Kernel));
        Collect all = new() { Seen = [] };
        tree.Visit(new VirtAddr(0xFFFFUL << 48), 1UL << 48, ref all);
        Assert.Equal([(last.ToUInt64(), Descriptor.ForPage(new Pfn(5), PageAttributes.Kernel).ToUInt64())], all.Seen);
    }

    private readonly record struct Step(int Kind, int Page, int Other, uint Value);

    private struct Clear : ILeafVisitor
    {
        public int Count;

        public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
        {
            descriptor = Descriptor.None;
            Count++;
            return true;
        }
    }

    private struct Collect : ILeafVisitor
    {
        public List<(ulong Address, ulong Value)> Seen;

        public readonly bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
        {
            Seen.Add((address.ToUInt64(), descriptor.ToUInt64()));
            return true;
        }
    }
}
