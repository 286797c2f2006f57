using Engine.Arm64.PageTables;
using Engine.Arm64.Tlb;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;
using Engine.PropertyTests.PageTables;
using Xunit;

namespace Engine.PropertyTests.Tlb;

/// <summary>The checks of a TLB over real tables: changes in place, and runs that do not hold together, each kind planted.</summary>
public sealed class CheckingTableTests : IDisposable
{
    private static readonly VirtAddr Page = new(0x4000_0000_0000);
    private readonly TestTree machine = new();
    private readonly TranslationUnit<ArenaWalker, CheckingObserver> unit;

    public CheckingTableTests()
    {
        Assert.True(TlbSpec.TryParse("l1=8:full,l2=40:5", out TlbGeometry? geometry, out _, out _));
        unit = new(geometry!, new ArenaWalker(machine.Memory) { Ttbr0 = machine.Table.Root.Address }, new CheckingObserver());
    }

    public void Dispose() => machine.Dispose();

    /// <summary>The second page of a run is filled after the first one's entry was changed in place.</summary>
    [Theory]
    [InlineData("the output address", 1UL << 16)]
    [InlineData("the memory attribute index changed", 1UL << 2)]
    [InlineData("the translation became global", 1UL << 11)]
    public void A_run_changed_in_place(string words, ulong changed)
    {
        // The first level holds no runs, so that the pages of a run are filled one by one.
        TlbGeometry pages = new(new TlbLevelGeometry(1, TlbSides.Both, 16, 16) { HoldsContiguousRuns = false });
        TranslationUnit<ArenaWalker, CheckingObserver> small = new(pages, new ArenaWalker(machine.Memory) { Ttbr0 = machine.Table.Root.Address }, new CheckingObserver());
        MapRun(0);
        small.Translate(Page, AccessKind.Load);
        Assert.Empty(small.Observer.Findings);
        MapRun(changed);
        small.Translate(Page + 4096, AccessKind.Load);
        TlbFinding finding = Assert.Single(small.Observer.Findings, finding => finding.Rule == TlbRule.BreakBeforeMake);
        Assert.Contains(words, finding.Other, StringComparison.Ordinal);
        Assert.Equal("D8.16.1, R_WHZWS", finding.Section);
    }

    [Theory]
    [InlineData("gap", "is not valid")]
    [InlineData("stray", "maps elsewhere")]
    [InlineData("mixed", "has other attributes")]
    [InlineData("no bit", "is not of the run")]
    [InlineData("unaligned", "not aligned alike")]
    public void A_misprogrammed_run(string kind, string words)
    {
        MapRun(0);
        Descriptor seventh = machine.Table.Read(Page + (7 * 4096));
        PutRaw(7, kind switch
        {
            "gap" => Descriptor.None,
            "stray" => new Descriptor(seventh.ToUInt64() ^ (1UL << 20)),
            "mixed" => new Descriptor(seventh.ToUInt64() ^ (1UL << 7)),
            "no bit" => seventh.MakeNonContiguous(),
            _ => seventh,
        });
        if (kind == "unaligned")
        {
            for (int i = 0; i < 16; i++)
            {
                PutRaw(i, new Descriptor(machine.Table.Read(Page + ((ulong)i * 4096)).ToUInt64() + 0x4000));
            }
        }

        unit.Translate(Page + (2 * 4096), AccessKind.Load);
        TlbFinding finding = Assert.Single(unit.Observer.Findings);
        Assert.Equal((TlbRule.ContiguousRun, "D8.7.1"), (finding.Rule, finding.Section));
        Assert.Contains(words, finding.Other, StringComparison.Ordinal);
    }

    /// <summary>Every rule names a section of the manual, and no two the same words.</summary>
    [Fact]
    public void Every_rule_has_its_section()
    {
        string[] texts = [.. Enum.GetValues<TlbRule>().Select(rule => new TlbFinding(rule, Page, "", "").RuleText)];
        Assert.Equal(texts.Length, texts.Distinct().Count());
        Assert.All(texts, text => Assert.Matches(@"Arm DDI 0487K\.a, [A-Z]\d+\.\d+", text));
    }

    private void MapRun(ulong changed)
    {
        for (int i = 0; i < 16; i++)
        {
            Descriptor entry = Descriptor.ForPage(new Pfn(0x41000 + (uint)i), PageAttributes.UserReadWrite).MakeContiguous();
            if (!machine.Table.TryPrepare(TestTree.Cpu, Page))
            {
                Assert.Fail("no memory");
            }

            PutRaw(i, new Descriptor(entry.ToUInt64() ^ changed));
        }
    }

    // Past the builder, which would unfold.
    private void PutRaw(int page, Descriptor entry)
    {
        RawWriter writer = new(entry);
        _ = machine.Table.Read(Page + ((ulong)page * 4096)).IsNone
            ? machine.Table.TryMap(TestTree.Cpu, Page + ((ulong)page * 4096), entry)
            : machine.Table.Visit(Page + ((ulong)page * 4096), 4096, ref writer);
    }

    private readonly struct RawWriter(Descriptor entry) : ILeafVisitor
    {
        public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
        {
            descriptor = entry;
            return true;
        }
    }
}
