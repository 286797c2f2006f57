using Engine.Core.Diagnostics;
using Engine.Core.PageCache;
using Engine.Core.Slab;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.PageCache;

/// <summary>The radix tree against a sorted dictionary.</summary>
public sealed class PageIndexTests
{
    private static readonly CpuId Cpu = new(0);

    public enum Bug
    {
        None,
        EraseForgetsOne,
        MarkIsLost,
        MarkOutlivesItsPage,
        OrderIsOff,
    }

    public enum Kind
    {
        Store,
        Erase,
        Set,
        Clear,
    }

    public sealed record Step(Kind Kind, ulong Index, int Order, PageMark Mark);

    // Indexes near each other, near powers of 64, and far away.
    private static readonly Gen<Step> Steps =
        from kind in Gen.Elements(Kind.Store, Kind.Store, Kind.Store, Kind.Erase, Kind.Erase, Kind.Set, Kind.Clear)
        from index in Gen.OneOf(
            Gen.Choose(0, 150).Select(i => (ulong)i),
            Gen.Choose(0, 4).Select(i => 4096UL * (uint)i),
            Gen.Choose(0, 2000).Select(i => 260_000UL + (uint)i),
            Gen.Choose(0, 3).Select(i => (1UL << 40) + (uint)i))
        from order in Gen.Elements(0, 0, 0, 1, 2, 3, 5, 6, 7, 9)
        from mark in Gen.Elements(PageMark.Dirty, PageMark.Writeback, PageMark.ToWrite)
        select new Step(kind, index >> order << order, order, mark);

    [Fact]
    public void Behaves_as_a_sorted_dictionary() => ModelProperty.Check(Steps, steps => Run(steps, Bug.None), tests: 80, length: 120);

    [Theory]
    [InlineData(Bug.EraseForgetsOne)]
    [InlineData(Bug.MarkIsLost)]
    [InlineData(Bug.MarkOutlivesItsPage)]
    [InlineData(Bug.OrderIsOff)]
    public void Catches(Bug bug) => ModelProperty.MustFail(Steps, steps => Run(steps, bug), tests: 300, length: 150);

    private static void Run(IReadOnlyList<Step> steps, Bug bug)
    {
        using CacheMachine machine = new();
        SlabCache nodes = machine.Cache.Nodes;
        FileMapping owner = machine.Open(new MemoryBacking(0));
        PageIndex index = new(machine.Memory, nodes, machine.Log, owner.RecordAddress);
        SortedDictionary<ulong, (int Order, uint Marks)> model = [];
        int erased = 0;
        foreach (Step step in steps)
        {
            Apply(index, model, step, bug, ref erased);
            Compare(index, model, step);
        }

        foreach (ulong first in model.Keys.ToArray())
        {
            Assert.Equal(EntryFor(first), index.Erase(Cpu, first));
        }

        Assert.Equal(0, index.Verify([], []));
        Assert.Equal(0, machine.Log.Count);
    }

    private static void Apply(PageIndex index, SortedDictionary<ulong, (int Order, uint Marks)> model, Step step, Bug bug, ref int erased)
    {
        ulong? covering = Covering(model, step.Index);
        switch (step.Kind)
        {
            case Kind.Store:
                bool isFree = !model.Any(entry => entry.Key < step.Index + (1UL << step.Order) && step.Index < entry.Key + (1UL << entry.Value.Order));
                int order = bug == Bug.OrderIsOff && step.Order == 3 ? 2 : step.Order;
                PageIndexResult result = index.TryStore(Cpu, step.Index, order, EntryFor(step.Index));
                Assert.Equal(isFree ? PageIndexResult.Done : PageIndexResult.Occupied, result);
                if (isFree)
                {
                    model[step.Index] = (step.Order, 0);
                }

                break;
            case Kind.Erase:
                bool forgets = bug == Bug.EraseForgetsOne && ++erased % 4 == 0;
                ulong found = forgets ? index.Load(step.Index) : index.Erase(Cpu, step.Index);
                Assert.Equal(covering is { } first ? EntryFor(first) : 0, found);
                if (covering is { } gone)
                {
                    model.Remove(gone);
                    if (bug == Bug.MarkOutlivesItsPage && index.TryStore(Cpu, gone, 0, EntryFor(gone)) == PageIndexResult.Done)
                    {
                        index.SetMark(gone, PageMark.Dirty);
                        model[gone] = (0, 0);
                    }
                }

                break;
            case Kind.Set:
                if (bug != Bug.MarkIsLost || step.Mark != PageMark.Writeback)
                {
                    index.SetMark(step.Index, step.Mark);
                }

                ChangeMarks(model, covering, marks => marks | (1u << (int)step.Mark));
                break;
            case Kind.Clear:
                index.ClearMark(step.Index, step.Mark);
                ChangeMarks(model, covering, marks => marks & ~(1u << (int)step.Mark));
                break;
        }
    }

    private static void ChangeMarks(SortedDictionary<ulong, (int Order, uint Marks)> model, ulong? key, Func<uint, uint> change)
    {
        if (key is { } first)
        {
            model[first] = (model[first].Order, change(model[first].Marks));
        }
    }

    private static void Compare(PageIndex index, SortedDictionary<ulong, (int Order, uint Marks)> model, Step step)
    {
        List<Corruption> findings = [];
        List<(ulong Index, ulong Count, ulong Entry)> entries = [];
        index.Verify(findings, entries);
        Assert.Empty(findings);
        Assert.Equal(model.Select(entry => (entry.Key, 1UL << entry.Value.Order, EntryFor(entry.Key))), entries);
        foreach (ulong probe in new[] { step.Index, step.Index + 1, step.Index + (1UL << step.Order) - 1, step.Index + (1UL << step.Order) })
        {
            ulong? covering = Covering(model, probe);
            Assert.Equal(covering is { } first ? EntryFor(first) : 0, index.Load(probe));
            foreach (PageMark mark in Enum.GetValues<PageMark>())
            {
                bool expected = covering is { } marked && (model[marked].Marks >> (int)mark & 1) != 0;
                Assert.Equal(expected, index.GetMark(probe, mark));
            }
        }

        foreach (PageMark? mark in new PageMark?[] { null, PageMark.Dirty, PageMark.Writeback })
        {
            Assert.Equal(Wanted(model, mark), Found(index, mark));
        }
    }

    private static List<ulong> Wanted(SortedDictionary<ulong, (int Order, uint Marks)> model, PageMark? mark) =>
        [.. model.Where(entry => mark is not { } m || (entry.Value.Marks >> (int)m & 1) != 0).Select(entry => EntryFor(entry.Key))];

    private static List<ulong> Found(PageIndex index, PageMark? mark)
    {
        List<ulong> found = [];
        ulong at = 0;
        while (index.TryFindNext(ref at, ulong.MaxValue >> 8, mark, out ulong entry))
        {
            found.Add(entry);
            ulong first = (entry - 0x4000_0000_0000_0000) >> 6;
            at = Math.Max(at, first) + 1;
            while (index.Load(at) == entry)
            {
                at++;
            }
        }

        return found;
    }

    private static ulong? Covering(SortedDictionary<ulong, (int Order, uint Marks)> model, ulong index)
    {
        foreach (KeyValuePair<ulong, (int Order, uint Marks)> entry in model)
        {
            if (entry.Key <= index && index - entry.Key < 1UL << entry.Value.Order)
            {
                return entry.Key;
            }
        }

        return null;
    }

    // Any value with its low bits clear can stand for a descriptor here.
    private static ulong EntryFor(ulong first) => (first << 6) + 0x4000_0000_0000_0000;
}
