using Engine.Arm64.Tlb;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Xunit;

namespace Engine.PropertyTests.Tlb;

/// <summary>Each rule of TLB maintenance: its breach is found, and correct software is not accused.</summary>
public sealed class CheckingModeTests
{
    private const int Region = 4;
    private const ulong Start = (ulong)Region << NaiveTables.RegionLog2;

    private readonly NaiveTables tables = new();
    private readonly TranslationUnit<NaiveTables.Walker, CheckingObserver> unit;

    public CheckingModeTests()
    {
        Assert.True(TlbSpec.TryParse("l1i=4:full,l1d=8:full,l2=40:5", out TlbGeometry? geometry, out _, out _));
        unit = new(geometry!, new NaiveTables.Walker(tables), new CheckingObserver());
    }

    [Fact]
    public void Correct_software_is_not_accused()
    {
        Map(NaiveTables.RegionKind.Pages, 0);
        Load(Start, Start + 0x1000);
        Map(NaiveTables.RegionKind.Hole, 0);
        unit.Execute(TlbiInstruction.ForRange(TlbiKind.Rvae1, new VirtAddr(Start), default, 1, 15, level: 3));
        Map(NaiveTables.RegionKind.Block, 1);
        Load(Start, Start + 0x1000);
        Map(NaiveTables.RegionKind.Hole, 0);
        unit.Execute(TlbiInstruction.ForAddress(TlbiKind.Vale1, new VirtAddr(Start), default, level: 2));
        Map(NaiveTables.RegionKind.Runs, 1);
        Load(Start, Start + 0x1000, Start + 0x20000);
        Assert.Empty(unit.Observer.Findings);
    }

    [Fact]
    public void Use_of_a_stale_entry()
    {
        Map(NaiveTables.RegionKind.Pages, 0);
        Load(Start);
        Map(NaiveTables.RegionKind.Pages, 1);
        Load(Start + 8);
        Expect(TlbRule.StaleEntry, Start + 8);
    }

    [Fact]
    public void A_permission_that_was_taken_away()
    {
        tables.Change(0, Region, NaiveTables.RegionKind.Pages, 0, isWritable: true);
        Load(Start);
        tables.Change(0, Region, NaiveTables.RegionKind.Pages, 0, isWritable: false);
        Load(Start);
        Assert.Empty(unit.Observer.Findings);
        unit.Translate(new VirtAddr(Start), AccessKind.Store);
        Expect(TlbRule.StaleEntry, Start);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, true)]
    [InlineData(2, false)]
    public void A_block_size_changed_in_place(int breakBeforeMakeLevel, bool isFound)
    {
        unit.BreakBeforeMakeLevel = breakBeforeMakeLevel;
        Map(NaiveTables.RegionKind.Pages, 0);
        Load(Start);
        Map(NaiveTables.RegionKind.Block, 0);
        Load(Start + 0x7000);
        Assert.Equal(isFound, unit.Observer.Findings.Any(finding => finding.Rule == TlbRule.BreakBeforeMake));

        // Whatever the level, the page now has two entries.
        Load(Start);
        Assert.Contains(unit.Observer.Findings, finding => finding.Rule == TlbRule.Overlap);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    public void The_contiguous_bit_changed_in_place(int breakBeforeMakeLevel, bool isFound)
    {
        unit.BreakBeforeMakeLevel = breakBeforeMakeLevel;
        Map(NaiveTables.RegionKind.Pages, 0);
        Load(Start);
        Map(NaiveTables.RegionKind.Runs, 0);
        Load(Start + 0x7000);
        Assert.Equal(isFound, unit.Observer.Findings.Any(finding => finding.Rule == TlbRule.BreakBeforeMake));
    }

    [Fact]
    public void A_level_hint_that_is_wrong()
    {
        Map(NaiveTables.RegionKind.Pages, 0);
        Load(Start);
        Map(NaiveTables.RegionKind.Hole, 0);
        unit.Execute(TlbiInstruction.ForAddress(TlbiKind.Vale1, new VirtAddr(Start), default, level: 2));
        Expect(TlbRule.InvalidationHint, Start);
    }

    [Fact]
    public void An_asid_that_is_wrong()
    {
        Map(NaiveTables.RegionKind.Pages, 0);
        Load(Start);
        Map(NaiveTables.RegionKind.Hole, 0);
        unit.Execute(TlbiInstruction.ForAddress(TlbiKind.Vale1, new VirtAddr(Start), new Asid(9)));
        Expect(TlbRule.InvalidationAsid, Start);
    }

    [Fact]
    public void An_operand_that_was_not_shifted()
    {
        Map(NaiveTables.RegionKind.Pages, 0);
        Load(Start);
        Map(NaiveTables.RegionKind.Hole, 0);
        unit.Execute(new TlbiInstruction(TlbiKind.Vale1, Start));
        Expect(TlbRule.InvalidationOperand, Start);
    }

    [Fact]
    public void A_run_with_a_page_that_lies_elsewhere()
    {
        Map(NaiveTables.RegionKind.Runs, 0);
        tables.StrayPage = (Start >> 12) + 9;
        Load(Start + 0x3000);
        Expect(TlbRule.ContiguousRun, Start + 0x3000);
    }

    private void Map(NaiveTables.RegionKind kind, int version) => tables.Change(0, Region, kind, version, isWritable: true);

    private void Load(params ulong[] addresses)
    {
        Access[] accesses = [.. addresses.Select(address => new Access(new VirtAddr(address), 8, AccessKind.Load))];
        Assert.Equal(accesses.Length, unit.Run(accesses));
    }

    private void Expect(TlbRule rule, ulong address)
    {
        TlbFinding finding = unit.Observer.Findings[0];
        Assert.Equal((rule, new VirtAddr(address)), (finding.Rule, finding.Address));
        Assert.Contains("Arm DDI 0487", finding.ToString(), StringComparison.Ordinal);
    }
}
