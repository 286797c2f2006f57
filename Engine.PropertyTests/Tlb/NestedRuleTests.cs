using Engine.Arm64.Tlb;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Xunit;

namespace Engine.PropertyTests.Tlb;

/// <summary>A hypervisor's side: which invalidations reach what, how faults of stage 2 are reported, and what the checks find.</summary>
public sealed class NestedRuleTests
{
    private const ulong Tcr = 16 | (1UL << 23) | (5UL << 32);
    private const ulong Vtcr = 24 | (1UL << 6) | (5UL << 16);

    // ASID 0, region 1 at the first place: a page whose data lies in a region of scattered pages.
    private static readonly VirtAddr Data = new(1 << GuestMemory.RegionLog2);

    private readonly GuestMemory guest = new(isNested: true);
    private readonly TranslationUnit<RegisterWalker<GuestMemory.Image>, CheckingObserver> unit;

    public NestedRuleTests()
    {
        Assert.True(TlbSpec.TryParse("l1=8:full,l2=40:5", out TlbGeometry? geometry, out _, out _));
        unit = new(geometry! with { IpaCache = new(16, 4), WalkCaches = [new(16, 4)] }, new(guest.Memory), new CheckingObserver());
        unit.SwitchTo(default, 0);
        unit.Walker.Registers = new TranslationRegisters(guest.Stage1Roots[0, 0], 0, Tcr, 0xFF, 1, ArchitectureProfile.Full);
        unit.Walker.Stage2 = new Stage2Registers(guest.Stage2Roots[0], Vtcr, 1);
    }

    /// <summary>IPAS2E1 alone leaves entries of both stages behind; with VMALLE1 after it nothing is stale.</summary>
    [Theory]
    [InlineData(true, false, true)]
    [InlineData(false, true, true)]
    [InlineData(true, true, false)]
    public void A_page_that_the_hypervisor_moves(bool flushesStage2, bool flushesStage1, bool isStale)
    {
        ulong before = unit.Translate(Data, AccessKind.Load);
        guest.Remap(0, PageOfData(), isHole: false);
        if (flushesStage2)
        {
            unit.Execute(TlbiInstruction.ForAddress(TlbiKind.Ipas2e1, new VirtAddr((ulong)(uint)PageOfData() << 12), default));
        }

        if (flushesStage1)
        {
            unit.Execute(TlbiInstruction.ForAll(TlbiKind.Vmalle1));
        }

        ulong after = unit.Translate(Data, AccessKind.Load);
        Assert.Equal(isStale, before == after);
        Assert.Equal(isStale, unit.Observer.Findings.Any(finding => finding.Rule == TlbRule.StaleEntry));
    }

    [Fact]
    public void A_hole_of_stage_2_faults_with_its_intermediate_address()
    {
        unit.Translate(Data, AccessKind.Load);
        guest.Remap(0, PageOfData(), isHole: true);
        unit.InvalidateBothStages();
        Assert.Equal(ulong.MaxValue, unit.Translate(Data + 8, AccessKind.Store));
        TranslationStop stop = unit.Stop;
        Assert.Equal((true, false, (ulong)(uint)PageOfData() << 12), (stop.IsStage2, stop.IsOnStage1Walk, stop.IntermediateAddress & ~0xFFFUL));
        Assert.Equal((3, (byte)(TranslationStop.TranslationFault + 3)), (stop.Level, stop.FaultStatus));
    }

    [Fact]
    public void A_table_outside_the_guests_memory_faults_on_the_walk()
    {
        unit.Walker.Registers = unit.Walker.Registers with { Ttbr0 = GuestMemory.GuestBytes + 0x5000 };
        Assert.Equal(ulong.MaxValue, unit.Translate(Data, AccessKind.Load));
        Assert.Equal((true, true, 2), (unit.Stop.IsStage2, unit.Stop.IsOnStage1Walk, unit.Stop.Level));
        Assert.Equal(0UL, unit.DescriptorReadsAt(0));
        Assert.Equal((1UL, 1UL), (unit.Stage2DescriptorReadsAt(1), unit.Stage2DescriptorReadsAt(2)));
        Assert.Equal(1UL, unit.WalkCount);
    }

    /// <summary>Four tables and the data page by nested walks: 4 * (s2 + 1) + s2 descriptors at first; the second page of the same table costs its own alone.</summary>
    [Fact]
    public void The_caches_save_descriptors()
    {
        unit.Translate(Data, AccessKind.Load);
        ulong first = unit.DescriptorReadCount;
        Assert.InRange(first, 4UL + 5, 4UL + 15);
        unit.Translate(Data + (63 << 12), AccessKind.Load);
        Assert.InRange(unit.DescriptorReadCount - first, 1UL, 4UL);
    }

    // Where the guest's tables put the page: asid 0, region 1.
    private static int PageOfData() => (int)((16UL << 20 >> 12) + (1 << (GuestMemory.RegionLog2 - 12)));
}
