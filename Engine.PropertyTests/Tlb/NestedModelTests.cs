using Engine.Arm64.Tlb;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.PropertyTests.Support;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.Tlb;

/// <summary>
/// Walk caches, the cache of stage 2 and TLB entries of both stages: the same hits, misses and descriptor reads as naive lists give, with
/// stale entries as stale in both.
/// </summary>
public sealed class NestedModelTests
{
    // 4 KiB granule; T0SZ 16 for stage 1, 40 bits from level 1 for stage 2; 48-bit output.
    private const ulong Tcr = 16 | (1UL << 23) | (5UL << 32);
    private const ulong Vtcr = 24 | (1UL << 6) | (5UL << 16);

    private static readonly Dictionary<string, TlbGeometry> Shapes = new()
    {
        ["no caches"] = Parse("l1=4:full,l2=12:3"),
        ["walk cache"] = Parse("l1=4:full,l2=12:3") with { WalkCaches = [new(6, 6)] },
        ["walk cache in sets"] = Parse("l1=4:full,l2=12:3") with { WalkCaches = [new(12, 4)] },
        ["walk caches by level"] = Parse("l1i=4:full,l1d=4:2,l2=12:3") with { WalkCaches = [new(3, 3) { TableLevels = 1 << 4 }, new(4, 2) { TableLevels = (1 << 2) | (1 << 3) }] },
        ["walk cache of one level"] = Parse("l1=4:full") with { WalkCaches = [new(4, 4) { TableLevels = 1 << 3 }] },
        ["walk cache fifo"] = Parse("l1=4:full") with { WalkCaches = [new(4, 4) { Policy = ReplacementPolicy.Fifo }] },
        ["walk cache plru"] = Parse("l1=4:full") with { WalkCaches = [new(8, 4) { Policy = ReplacementPolicy.Plru }] },
        ["ipa cache"] = Parse("l1=4:full,l2=12:3") with { IpaCache = new(5, 5) },
        ["ipa cache in sets"] = Parse("l1=4:full,l2=12:3") with { IpaCache = new(12, 4) },
        ["both caches"] = Parse("l1=4:full,l2=12:3") with { WalkCaches = [new(8, 4)], IpaCache = new(8, 4) },
    };

    public static TheoryData<string> Names => [.. Shapes.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Nested_walks_agree(string shape) =>
        ModelProperty.Check(Operations(), sequence => Compare(Shapes[shape], sequence, isNested: true, NaiveBug.None), tests: 12, length: 300);

    [Theory]
    [InlineData("walk cache")]
    [InlineData("walk cache in sets")]
    [InlineData("walk caches by level")]
    public void Walks_of_one_stage_agree(string shape) =>
        ModelProperty.Check(Operations(), sequence => Compare(Shapes[shape], sequence, isNested: false, NaiveBug.None), tests: 12, length: 300);

    [Theory]
    [InlineData(NaiveBug.WalkCacheIgnoresAsid, "walk cache")]
    [InlineData(NaiveBug.WalkCacheHitDoesNotRefresh, "walk cache")]
    [InlineData(NaiveBug.WalkCacheStaysAtVae, "walk cache in sets")]
    [InlineData(NaiveBug.WalkCacheGoesAtVale, "walk cache in sets")]
    [InlineData(NaiveBug.IpaCacheIgnoresVmid, "ipa cache")]
    [InlineData(NaiveBug.IpaCacheStays, "ipa cache in sets")]
    [InlineData(NaiveBug.IpaInvalidationTakesAll, "both caches")]
    [InlineData(NaiveBug.TablesNotTranslated, "no caches")]
    [InlineData(NaiveBug.VmidIgnored, "no caches")]
    [InlineData(NaiveBug.PiecesStay, "no caches")]
    public void A_planted_bug_is_caught(NaiveBug bug, string shape) =>
        ModelProperty.MustFail(Operations(), sequence => Compare(Shapes[shape], sequence, isNested: true, bug), tests: 200, length: 300);

    private static void Compare(TlbGeometry geometry, IReadOnlyList<TlbOperation> sequence, bool isNested, NaiveBug bug)
    {
        GuestMemory guest = new(isNested);
        TranslationUnit<RegisterWalker<GuestMemory.Image>, ReadCounter> fast = new(geometry, new(guest.Memory), new ReadCounter());
        NaiveNestedWalker walker = new(guest, geometry, bug) { IsNested = isNested };
        NaiveUnit naive = new(geometry, walker.Find, 0, bug);
        Switch(fast, walker, naive, guest, 0, 0);
        foreach (TlbOperation operation in sequence)
        {
            switch (operation.Kind)
            {
                case TlbOperation.What.Access or TlbOperation.What.Single:
                    ulong pa = fast.Translate(new VirtAddr(operation.Address), AccessKind.Load);
                    Assert.Equal(naive.Translate(operation.Address, AccessKind.Load) ?? ulong.MaxValue, pa);
                    break;
                case TlbOperation.What.Switch:
                    Switch(fast, walker, naive, guest, (ushort)operation.Asid, isNested ? (ushort)(operation.Number & 1) : (ushort)0);
                    break;
                case TlbOperation.What.Remap when isNested:
                    guest.Remap(operation.Number & 1, (int)(operation.Address >> 12) & 0x1FFF, (operation.Number & 2) != 0);
                    break;
                default:
                    Invalidate(operation, fast, walker, naive, bug);
                    break;
            }
        }

        Assert.Equal(naive.Levels.Select(level => (level.Lookups, level.Misses)), fast.Statistics.Select(level => (level.Lookups, level.Misses)));
        Assert.Equal(walker.WalkCaches.Select(level => (level.Lookups, level.Misses)), fast.WalkCacheStatistics.Select(level => (level.Lookups, level.Misses)));
        Assert.Equal((walker.IpaCache?.Lookups, walker.IpaCache?.Misses), (fast.IpaCacheStatistics?.Lookups, fast.IpaCacheStatistics?.Misses));
        for (int level = 0; level < 4; level++)
        {
            Assert.Equal((walker.Reads[0, level], walker.Reads[1, level]), ((long)fast.DescriptorReadsAt(level), (long)fast.Stage2DescriptorReadsAt(level)));
        }

        Assert.Equal(walker.Reads, fast.Observer.Reads);
        ulong beyondFirst = naive.Levels.Aggregate(0UL, (sum, level) => sum + (level.Geometry.Level > 1 ? level.Lookups : 0));
        ulong cached = walker.WalkCaches.Aggregate(walker.IpaCache?.Lookups ?? 0, (sum, level) => sum + level.Lookups);
        ulong reads = (ulong)walker.Reads.Cast<long>().Sum();
        TranslationCosts costs = geometry.Costs;
        Assert.Equal(
            (beyondFirst * (ulong)costs.LookupCycles) + (cached * (ulong)costs.WalkCacheCycles) + (reads * (ulong)costs.DescriptorReadCycles), fast.Cycles);
    }

    private static void Switch(
        TranslationUnit<RegisterWalker<GuestMemory.Image>, ReadCounter> fast, NaiveNestedWalker walker, NaiveUnit naive, GuestMemory guest, ushort asid, ushort vmid)
    {
        walker.Asid = naive.Asid = asid;
        walker.Vmid = naive.Vmid = vmid;
        fast.SwitchTo(new Asid(asid), vmid);
        fast.Walker.Registers = new TranslationRegisters(guest.Stage1Roots[vmid, asid], 0, Tcr, 0xFF, 1, ArchitectureProfile.Full);
        fast.Walker.Stage2 = walker.IsNested ? new Stage2Registers(guest.Stage2Roots[vmid], Vtcr, 1) : Stage2Registers.Off;
    }

    private static void Invalidate(
        TlbOperation operation, TranslationUnit<RegisterWalker<GuestMemory.Image>, ReadCounter> fast, NaiveNestedWalker walker, NaiveUnit naive, NaiveBug bug)
    {
        ulong page = operation.Address >> 12 << 12;
        ulong ipa = page % GuestMemory.GuestBytes;
        ushort asid = (ushort)operation.Asid;
        switch (operation.Number % 8)
        {
            case 0:
                fast.Execute(TlbiInstruction.ForAddress(TlbiKind.Vae1, new VirtAddr(page), new Asid(asid)));
                naive.Invalidate(page, page | 0xFFF, asid, naive.Vmid);
                if (bug != NaiveBug.WalkCacheStaysAtVae)
                {
                    walker.InvalidateTables(page, page | 0xFFF, asid, naive.Vmid);
                }

                break;
            case 1:
                fast.Execute(TlbiInstruction.ForAddress(TlbiKind.Vale1, new VirtAddr(page), new Asid(asid)));
                naive.Invalidate(page, page | 0xFFF, asid, naive.Vmid);
                if (bug == NaiveBug.WalkCacheGoesAtVale)
                {
                    walker.InvalidateTables(page, page | 0xFFF, asid, naive.Vmid);
                }

                break;
            case 2:
                fast.Execute(TlbiInstruction.ForAll(TlbiKind.Aside1, new Asid(asid)));
                naive.Invalidate(0, ulong.MaxValue, asid, naive.Vmid, keepsGlobal: true);
                walker.InvalidateTables(0, ulong.MaxValue, asid, naive.Vmid);
                break;
            case 3:
                fast.Execute(TlbiInstruction.ForAll(TlbiKind.Vmalle1));
                naive.Invalidate(0, ulong.MaxValue, null, naive.Vmid);
                walker.InvalidateTables(0, ulong.MaxValue, null, naive.Vmid);
                break;
            case 4 or 5:
                fast.Execute(operation.Number % 8 == 4
                    ? TlbiInstruction.ForAddress(TlbiKind.Ipas2e1, new VirtAddr(ipa), default)
                    : TlbiInstruction.ForRange(TlbiKind.Ripas2le1, new VirtAddr(ipa), default, 0, 15, level: 0));
                walker.InvalidateIntermediate(ipa, ipa + (operation.Number % 8 == 4 ? 0xFFFUL : (32 << 12) - 1), naive.Vmid);
                if (bug == NaiveBug.IpaInvalidationTakesAll)
                {
                    naive.Invalidate(0, ulong.MaxValue, null, naive.Vmid);
                }

                break;
            case 6:
                fast.Execute(TlbiInstruction.ForAll(TlbiKind.Vmalls12e1));
                naive.Invalidate(0, ulong.MaxValue, null, naive.Vmid);
                walker.InvalidateTables(0, ulong.MaxValue, null, naive.Vmid);
                walker.InvalidateIntermediate(0, ulong.MaxValue, naive.Vmid);
                break;
            default:
                fast.Execute(TlbiInstruction.ForAll(TlbiKind.Alle1));
                naive.Invalidate(0, ulong.MaxValue, null, null);
                walker.InvalidateTables(0, ulong.MaxValue, null, null);
                walker.InvalidateIntermediate(0, ulong.MaxValue, null);
                break;
        }
    }

    private static Gen<TlbOperation> Operations()
    {
        Gen<ulong> address =
            from place in Gen.Elements(0UL, 0UL, 1UL << 30, 1UL << 39)
            from region in Gen.Choose(0, 4)
            from page in Gen.Frequency((3, Gen.Choose(0, 3)), (1, Gen.Choose(0, 63)))
            from offset in Gen.Choose(0, 4095)
            select place | ((ulong)(uint)region << GuestMemory.RegionLog2) | ((ulong)(uint)page << 12) | (uint)offset;
        return
            from what in Gen.Frequency(
                (40, Gen.Constant(TlbOperation.What.Access)),
                (3, Gen.Constant(TlbOperation.What.Switch)),
                (4, Gen.Constant(TlbOperation.What.Remap)),
                (3, Gen.Constant(TlbOperation.What.InvalidateRange)))
            from place in Gen.Frequency((8, address), (1, from page in Gen.Choose(4096, 8191) select (ulong)(uint)page << 12))
            from asid in Gen.Choose(0, GuestMemory.AsidCount - 1)
            from number in Gen.Choose(0, 0x3FF)
            select new TlbOperation(what, place, AccessKind.Load, asid, number);
    }

    private static TlbGeometry Parse(string text) =>
        TlbSpec.TryParse(text, out TlbGeometry? geometry, out string? wrong, out _) ? geometry : throw new InvalidOperationException(wrong);
}
