using Engine.Arm64.PageTables;
using Engine.Arm64.Tlb;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;
using Xunit;

namespace Engine.PropertyTests.PageTables;

/// <summary>Missing break-before-make at table writes: each kind of change, by what the CPU takes.</summary>
public sealed class TableWriteCheckerTests : IDisposable
{
    private const ulong Base = 0x4000_0000_0000;
    private const BreakBeforeMakeLevel None = (BreakBeforeMakeLevel)(-1);

    private static readonly VirtAddr Page = new(Base);
    private readonly TestTree machine = new();
    private readonly List<TlbFinding> findings = [];

    public void Dispose() => machine.Dispose();

    /// <summary>One change of a live page in one store; the level of FEAT_BBM from which on it is allowed, or none.</summary>
    [Theory]
    [InlineData("output address", None)]
    [InlineData("memory type", None)]
    [InlineData("shareability", None)]
    [InlineData("global", None)]
    [InlineData("contiguous", BreakBeforeMakeLevel.Level1)]
    [InlineData("permissions", BreakBeforeMakeLevel.Level0)]
    [InlineData("flags", BreakBeforeMakeLevel.Level0)]
    [InlineData("not global", BreakBeforeMakeLevel.Level0)]
    public void A_live_page_changed_in_place(string what, BreakBeforeMakeLevel from)
    {
        Descriptor page = Descriptor.ForPage(new Pfn(0x40100), what == "not global" ? PageAttributes.Kernel : PageAttributes.UserReadWrite).MakeYoung();
        Descriptor changed = new(page.ToUInt64() ^ what switch
        {
            "output address" => 1UL << 13,
            "memory type" => 1UL << 2,
            "shareability" => 1UL << 8,
            "global" or "not global" => 1UL << 11,
            "contiguous" => 1UL << 52,
            "permissions" => (1UL << 7) | (1UL << 54),
            _ => (1UL << 10) | (1UL << 55),
        });
        foreach (BreakBeforeMakeLevel support in Enum.GetValues<BreakBeforeMakeLevel>())
        {
            findings.Clear();
            TableWriteChecker checker = new(support, findings.Add);
            checker.Write(new TableWrite(Page, 3, 12, Descriptor.None, page));
            checker.Write(new TableWrite(Page, 3, 12, page, changed));
            bool isAllowed = from != None && support >= from;
            Assert.Equal(isAllowed ? 0 : 1, findings.Count);
            Assert.All(findings, finding =>
            {
                Assert.Equal((TlbRule.BreakBeforeMake, Page), (finding.Rule, finding.Address));
                Assert.Contains(page.ToString(), finding.Entry, StringComparison.Ordinal);
                Assert.Contains(changed.ToString(), finding.Other, StringComparison.Ordinal);
                Assert.Contains("in place", finding.Other, StringComparison.Ordinal);
                Assert.Equal("D8.16.1, R_WHZWS", finding.Section);
                Assert.Contains("Arm DDI 0487K.a, D8.16.1", finding.ToString(), StringComparison.Ordinal);
            });
        }
    }

    [Theory]
    [InlineData(BreakBeforeMakeLevel.Level0, 1)]
    [InlineData(BreakBeforeMakeLevel.Level1, 1)]
    [InlineData(BreakBeforeMakeLevel.Level2, 0)]
    public void A_block_split_in_place(BreakBeforeMakeLevel support, int count)
    {
        TableWriteChecker checker = new(support, findings.Add);
        Descriptor block = Descriptor.ForBlock(new Pfn(0x40200), PageAttributes.UserReadWrite).MakeYoung();
        checker.Write(new TableWrite(Page, 2, 21, block, new Descriptor(0x4123_4003)));
        Assert.Equal(count, findings.Count);
        Assert.All(findings, finding => Assert.Contains("the block size changes", finding.Other, StringComparison.Ordinal));
    }

    /// <summary>Break, then make: what comes between decides.</summary>
    [Theory]
    [InlineData("nothing", 1)]
    [InlineData("another page", 1)]
    [InlineData("the page", 0)]
    [InlineData("a range", 0)]
    [InlineData("everything", 0)]
    public void An_invalidation_between_break_and_make(string what, int count)
    {
        TableWriteChecker checker = new(BreakBeforeMakeLevel.Level2, findings.Add);
        Descriptor old = Descriptor.ForPage(new Pfn(0x40100), PageAttributes.UserReadWrite).MakeYoung();
        Descriptor other = Descriptor.ForPage(new Pfn(0x40300), PageAttributes.UserReadWrite).MakeYoung();
        checker.Write(new TableWrite(Page, 3, 12, old, Descriptor.ForSwap(1, 5, exclusive: false)));
        Assert.Equal(1, checker.BrokenCount);
        switch (what)
        {
            case "another page":
                checker.Invalidate(Page + 4096, Page + 8192, lastLevelOnly: false);
                break;
            case "the page":
                checker.Invalidate(Page, Page + 4096, lastLevelOnly: true);
                break;
            case "a range":
                checker.Invalidate(new VirtAddr(Base - 0x10000), Page + 0x10000, lastLevelOnly: true);
                break;
            case "everything":
                checker.InvalidateAll();
                break;
        }

        checker.Write(new TableWrite(Page, 3, 12, Descriptor.ForSwap(1, 5, exclusive: false), other));
        Assert.Equal(count, findings.Count);
        Assert.All(findings, finding => Assert.Contains("without an invalidation in between", finding.Other, StringComparison.Ordinal));
        Assert.Equal(0, checker.BrokenCount);
    }

    [Fact]
    public void A_table_stays_in_walk_caches_until_all_levels_are_invalidated()
    {
        TableWriteChecker checker = new(BreakBeforeMakeLevel.Level0, findings.Add);
        Descriptor table = new(0x4123_4003);
        checker.Write(new TableWrite(Page, 2, 21, table, Descriptor.None));
        checker.Invalidate(Page, Page + (2 << 20), lastLevelOnly: true);
        Assert.Equal(1, checker.BrokenCount);
        checker.Write(new TableWrite(Page, 2, 21, Descriptor.None, new Descriptor(0x4555_5003)));
        Assert.Single(findings);
        checker.Write(new TableWrite(Page, 2, 21, new Descriptor(0x4555_5003), Descriptor.None));
        checker.Invalidate(Page, Page + 4096, lastLevelOnly: false);
        checker.Write(new TableWrite(Page, 2, 21, Descriptor.None, table));
        Assert.Single(findings);
    }

    [Fact]
    public void A_page_that_was_never_accessed_is_in_no_tlb()
    {
        Descriptor old = Descriptor.ForPage(new Pfn(0x40100), PageAttributes.UserReadWrite).MakeOld();
        TableWrite write = new(Page, 3, 12, old, Descriptor.ForPage(new Pfn(0x40300), PageAttributes.UserReadWrite));
        new TableWriteChecker(BreakBeforeMakeLevel.Level0, findings.Add).Write(write);
        Assert.Empty(findings);
        new TableWriteChecker(BreakBeforeMakeLevel.Level0, findings.Add) { TrustsAccessFlag = false }.Write(write);
        Assert.Single(findings);
    }

    [Fact]
    public void The_builders_own_changes_keep_the_rule()
    {
        TableWatch<Granule4K> watch = Watch();
        PageTable table = machine.Table;
        table.Folios = new RunFolios(16);
        Assert.Equal(64, table.SetPages(TestTree.Cpu, Page, new Pfn(0x41000), PageAttributes.UserReadWrite, 64));
        watch.Observe();
        Assert.True(table.Read(Page).IsContiguous);
        Assert.True(table.TryProtect(TestTree.Cpu, Page + (5 * 4096), 8 * 4096, PageAttributes.UserReadOnly));
        Assert.False(table.Read(Page).IsContiguous);
        Assert.True(table.TryProtect(TestTree.Cpu, Page, 64 * 4096, PageAttributes.UserReadWrite));
        VirtAddr huge = new(Base + (4UL << 20));
        Assert.True(table.TryMapBlock(TestTree.Cpu, huge, new Pfn(0x41200), PageAttributes.UserReadWrite, level: 2));
        Assert.True(table.TryProtect(TestTree.Cpu, huge + 4096, 4096, PageAttributes.UserReadOnly));
        Assert.True(table.TryUnmap(TestTree.Cpu, Page, 6UL << 20));
        watch.InvalidateRange(Page, 6UL << 20, level: 2);
        watch.Observe();
        Assert.Empty(findings);
    }

    [Fact]
    public void A_store_past_the_builder_is_found_at_the_next_look()
    {
        TableWatch<Granule4K> watch = Watch();
        Assert.True(machine.Table.TryMap(TestTree.Cpu, Page, new Pfn(0x41000), PageAttributes.UserReadWrite));
        watch.Observe();
        machine.Table.Set(Page, Descriptor.ForPage(new Pfn(0x41001), PageAttributes.UserReadWrite));
        watch.Observe();
        Assert.Equal(TlbRule.BreakBeforeMake, Assert.Single(findings).Rule);
    }

    /// <summary>Runs that do not hold together: each kind, planted.</summary>
    [Theory]
    [InlineData("gap", "is not of the run")]
    [InlineData("stray", "maps elsewhere")]
    [InlineData("mixed", "has other attributes")]
    [InlineData("unaligned", "is not aligned")]
    [InlineData("no bit", "is not of the run")]
    public void A_misprogrammed_run(string kind, string words)
    {
        TableWatch<Granule4K> watch = Watch();
        for (uint i = 0; i < 16; i++)
        {
            Descriptor entry = Descriptor.ForPage(new Pfn(0x41000 + i + (kind == "unaligned" ? 4u : 0)), PageAttributes.UserReadWrite).MakeContiguous();
            entry = (kind, i) switch
            {
                ("gap", 7) => Descriptor.None,
                ("stray", 7) => Descriptor.ForPage(new Pfn(0x41100), PageAttributes.UserReadWrite).MakeContiguous(),
                ("mixed", 7) => new Descriptor(entry.ToUInt64() ^ (1UL << 54)),
                ("no bit", 7) => entry.MakeNonContiguous(),
                _ => entry,
            };
            Assert.True(machine.Table.TryMap(TestTree.Cpu, Page + (i * 4096), entry));
        }

        watch.Observe();
        TlbFinding finding = Assert.Single(findings);
        Assert.Equal((TlbRule.ContiguousRun, "D8.7.1"), (finding.Rule, finding.Section));
        Assert.Contains(words, finding.Other, StringComparison.Ordinal);
    }

    private TableWatch<Granule4K> Watch()
    {
        TableWatch<Granule4K> watch = new(machine.Memory, machine.Table, BreakBeforeMakeLevel.Level0, findings.Add);
        machine.Table.Invalidator = watch;
        return watch;
    }
}
