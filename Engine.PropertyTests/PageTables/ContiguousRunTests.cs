using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.PageTables;

/// <summary>Folding and unfolding against the rules over a dictionary, for each granule.</summary>
public abstract class ContiguousRunTests<TGeometry>
    where TGeometry : struct, ITableGeometry
{
    private const int Runs = 3;
    private const ulong Base = 1UL << 40;
    private const uint FirstFrame = 1 << 20;

    // A run of 16 KiB pages has 128 entries: fewer sequences do.
    private static int Tests => TGeometry.ContiguousPagesShift > 5 ? 15 : 60;

    private static int RunPages => 1 << TGeometry.ContiguousPagesShift;

    private static int FramesPerPage => 1 << (TGeometry.PageShift - 12);

    [Fact]
    public void Follows_the_rules() => ModelProperty.Check(Steps(), steps => Run(steps, PlantedRunBug.None), tests: Tests, length: 60);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_planted_bug_is_caught(int bug) => ModelProperty.MustFail(Steps(), steps => Run(steps, (PlantedRunBug)bug), tests: 300, length: 60);

    private static Gen<RunStep> Steps() =>
        from kind in Gen.Choose(0, 15)
        from page in Gen.Choose(0, (Runs * RunPages) - 1)
        from edge in Gen.Choose(0, 3)
        from count in Gen.Choose(1, RunPages + 2)
        from attributes in Gen.Choose(0, 3)
        from variant in Gen.Choose(0, 7)
        select new RunStep(kind, edge == 0 ? page / RunPages * RunPages : edge == 3 ? page | (RunPages - 1) : page, edge < 2 ? RunPages : count, attributes < 2 ? 0 : attributes, variant);

    private static void Run(IReadOnlyList<RunStep> steps, PlantedRunBug bug)
    {
        using TestTree machine = new();
        Assert.True(PageTreeFactory.TryCreate(machine.Allocator, TestTree.Cpu, PageTableKind.User, out PageTree<TGeometry>? tree));
        RunFolios folios = new((uint)(RunPages * FramesPerPage));
        RecordingInvalidator asked = new();
        tree.Folios = folios;
        tree.Invalidator = asked;
        RunModel model = new(RunPages, FramesPerPage, folios.IsFolioFrame, bug);
        foreach (RunStep step in steps)
        {
            asked.Asked.Clear();
            model.Converted.Clear();
            Apply(tree, model, step with { Count = Math.Min(step.Count, (Runs * RunPages) - step.Page) });
            Compare(tree, model, step);
            if (step.Kind != 13)
            {
                Assert.Equal(model.Converted.Select(AddressOf), asked.Asked.Select(range => new VirtAddr(range.Start)));
            }
        }

        Assert.Equal(0, machine.Log.Count);
    }

    private static void Apply(PageTree<TGeometry> tree, RunModel model, RunStep step)
    {
        VirtAddr address = AddressOf(step.Page);
        ulong length = (ulong)step.Count << TGeometry.PageShift;
        switch (step.Kind)
        {
            case < 4:
                Descriptor one = Make(step);
                Assert.True(tree.TrySetPage(TestTree.Cpu, address, one));
                model.Set(step.Page, one);
                break;
            case < 8:
                // A whole aligned run page by page: what folding is about.
                for (int page = step.Page / RunPages * RunPages, last = page + RunPages; page < last; page++)
                {
                    Descriptor own = Make(step with { Page = page, Variant = page == step.Page ? step.Variant : 0 });
                    Assert.True(tree.TrySetPage(TestTree.Cpu, AddressOf(page), own));
                    model.Set(page, own);
                }

                break;
            case 8:
                if (!Enumerable.Range(step.Page, step.Count).Any(model.Pages.ContainsKey))
                {
                    Descriptor first = Make(step);
                    Assert.Equal(step.Count, tree.SetPages(TestTree.Cpu, address, first.Pfn, first.Attributes, step.Count));
                    model.SetMany(step.Page, first, step.Count);
                }

                break;
            case 9:
                Assert.Equal(model.Clear(step.Page, step.Count), tree.ClearPages(address, length));
                break;
            case 10:
                Assert.Equal(model.ClearYoung(step.Page), tree.TestAndClearYoung(address));
                break;
            case 11:
                model.WriteProtect(step.Page, step.Count);
                tree.WriteProtectPages(address, length);
                break;
            case 12:
                LeafChange change = (LeafChange)(step.Variant & 3);
                model.Mark(step.Page, step.Count, entry => Changed(entry, change));
                Assert.True(tree.TryMark(TestTree.Cpu, address, length, change));
                break;
            case 13:
                model.Protect(step.Page, step.Count, AttributesOf(step.Attributes));
                Assert.True(tree.TryProtect(TestTree.Cpu, address, length, AttributesOf(step.Attributes)));
                break;
            default:
                Descriptor wanted = model.Gathered(step.Page);
                if (wanted.IsValid)
                {
                    wanted = ((step.Variant & 3) switch { 0 => wanted.MakeWritable(), 1 when wanted.IsWritable => wanted.MakeDirty(), _ => wanted }).MakeYoung();
                    model.SetAccess(step.Page, wanted);
                    tree.SetAccessFlags(address, wanted);
                }

                break;
        }
    }

    private static void Compare(PageTree<TGeometry> tree, RunModel model, RunStep step)
    {
        for (int page = 0; page < Runs * RunPages; page++)
        {
            Descriptor expected = model.Pages.GetValueOrDefault(page);
            Assert.True(expected == tree.Read(AddressOf(page)), $"{step}: page {page}: {expected} but {tree.Read(AddressOf(page))}");
        }

        foreach (int page in (int[])[step.Page, 0, RunPages, 2 * RunPages])
        {
            Descriptor expected = model.Gathered(page);
            Assert.Equal(expected, tree.ReadGathered(AddressOf(page)));
            Assert.True(!expected.IsContiguous || !expected.IsValid || IsInWholeRun(model, page), $"page {page} is in a broken run");
        }
    }

    // What the hardware needs of a run: complete, aligned, consecutive, and equal but for access flag and dirty state.
    private static bool IsInWholeRun(RunModel model, int page)
    {
        int first = page / RunPages * RunPages;
        Descriptor head = model.Pages.GetValueOrDefault(first);
        ulong pageBytes = 1UL << TGeometry.PageShift;
        return head.OutputAddress.ToUInt64() % (pageBytes * (ulong)RunPages) == 0 && Enumerable.Range(0, RunPages).All(i =>
            model.Pages.GetValueOrDefault(first + i).MakeClean().MakeOld().ToUInt64() == head.MakeClean().MakeOld().ToUInt64() + ((ulong)i * pageBytes));
    }

    private static Descriptor Changed(Descriptor entry, LeafChange change) => change switch
    {
        LeafChange.MarkYoung => entry.MakeYoung(),
        LeafChange.MarkOld => entry.MakeOld(),
        LeafChange.MarkDirty => entry.MakeDirty(),
        _ => entry.MakeClean(),
    };

    private static VirtAddr AddressOf(int page) => new(Base + ((ulong)page << TGeometry.PageShift));

    // Frames run beside the pages, unless the variant misplaces them.
    private static Descriptor Make(RunStep step)
    {
        uint frame = FirstFrame + (uint)((step.Page + (step.Variant == 7 ? 1 : 0)) * FramesPerPage);
        Descriptor entry = Descriptor.ForPage(new Pfn(frame), AttributesOf(step.Attributes));
        return step.Variant switch { 1 => entry.MakeOld(), 2 => entry.MakeDirty(), 3 => entry.MakeSpecial(), _ => entry };
    }

    private static PageAttributes AttributesOf(int kind) => kind switch
    {
        0 => PageAttributes.UserReadWrite,
        2 => PageAttributes.UserReadOnly,
        3 => PageAttributes.None,
        _ => PageAttributes.UserReadExecute,
    };
}
