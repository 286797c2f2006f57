// The fast translation unit against the naive one: the same physical addresses, faults, lookups and misses for every shape.

using Engine.Arm64.Tlb;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.PropertyTests.Support;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.Tlb;

/// <summary>The fast TLB and the naive one side by side.</summary>
public sealed class TranslationUnitModelTests
{
    private const ulong Seed = 7;

    private static readonly Dictionary<string, TlbGeometry> Shapes = new()
    {
        ["full LRU"] = Parse("l1i=3:full,l1d=5:full,l2=12:3"),
        ["unified"] = Parse("l1=6:full,l2=20:5"),
        ["eight ways"] = Parse("l1i=3:full,l1d=4:full,l2=32:8"),
        ["odd sets of full firsts"] = Parse("l1i=3:full,l1d=4:full,l2=15:5"),
        ["larger"] = Parse("l1i=10:full,l1d=12:full,l2=40:5"),
        ["one level"] = Parse("l1=4:full"),
        ["sets"] = Parse("l1i=6:2,l1d=8:4,l2=24:4"),
        ["odd sets"] = Parse("l1i=3:1,l1d=12:4,l2=35:5,l3=70:7"),
        ["wide sets"] = Parse("l1=40:20,l2=102:34"),
        ["fifo"] = Parse("l1i=4:full:fifo,l1d=6:full:fifo,l2=15:5:fifo"),
        ["random"] = Parse("l1i=4:full:random,l1d=8:4:random,l2=15:5:random"),
        ["plru"] = Parse("l1i=5:full:plru,l1d=8:4:plru,l2=18:6:plru"),
        ["mixed"] = Parse("l1i=4:full,l1d=8:4:plru,l2=64:full:fifo"),
        ["shared second is first for fetches"] = Parse("l1d=4:full,l2=12:3"),
        ["exclusive second"] = Parse("l1i=3:full,l1d=5:full,l2=12:3:excl"),
        ["exclusive full second"] = Parse("l1i=3:full,l1d=4:2:fifo,l2=12:full:excl"),
        ["exclusive behind inclusive"] = Parse("l1=4:full,l2=12:3,l3=24:4:excl:plru"),
        ["inclusive behind exclusive"] = Parse("l1i=2:full,l1d=4:full,l2d=8:2:random:excl,l3=24:4"),
        ["two exclusive"] = Parse("l1i=3:full,l1d=4:full:random,l2=9:3:excl:fifo,l3=20:5:excl"),
        ["exclusive with pieces"] = Restrict(Parse("l1i=4:full,l1d=6:3,l2=30:5:excl"), (1UL << 12) | (1UL << 14) | (1UL << 16), true, 1),
        ["no runs, small sizes"] = Restrict(Parse("l1i=4:full,l1d=6:full,l2=30:5"), (1UL << 12) | (1UL << 16), false, 0),
        ["pieces of blocks"] = Restrict(Parse("l1i=4:full,l1d=6:3,l2=30:5"), (1UL << 12) | (1UL << 14) | (1UL << 16), true, 0),
        ["aggregation"] = Restrict(Parse("l1i=4:full,l1d=6:full,l2=30:5"), TlbLevelGeometry.AllPageSizes, true, 2),
        ["aggregation of two"] = Restrict(Parse("l1i=4:2,l1d=6:full,l2=30:5"), (1UL << 12) | (1UL << 21), false, 1),
    };

    [Theory]
    [InlineData("full LRU")]
    [InlineData("unified")]
    [InlineData("one level")]
    [InlineData("sets")]
    [InlineData("odd sets")]
    [InlineData("wide sets")]
    [InlineData("fifo")]
    [InlineData("random")]
    [InlineData("plru")]
    [InlineData("mixed")]
    [InlineData("shared second is first for fetches")]
    [InlineData("exclusive second")]
    [InlineData("exclusive full second")]
    [InlineData("exclusive behind inclusive")]
    [InlineData("inclusive behind exclusive")]
    [InlineData("two exclusive")]
    [InlineData("exclusive with pieces")]
    [InlineData("no runs, small sizes")]
    [InlineData("pieces of blocks")]
    [InlineData("aggregation")]
    [InlineData("aggregation of two")]
    public void Fast_and_naive_agree(string shape) =>
        ModelProperty.Check(Operations(), sequence => Compare(Shapes[shape], sequence, NaiveBug.None), tests: 40, length: 400);

    /// <summary>With pages alone, more of them than the levels hold, nearly all goes the short ways.</summary>
    [Theory]
    [InlineData("full LRU")]
    [InlineData("unified")]
    [InlineData("eight ways")]
    [InlineData("odd sets of full firsts")]
    [InlineData("exclusive second")]
    [InlineData("two exclusive")]
    public void Fast_and_naive_agree_on_pages_alone(string shape) =>
        ModelProperty.Check(PageOperations(), sequence => Compare(Shapes[shape], OnPages(sequence), NaiveBug.None), tests: 40, length: 400);

    /// <summary>Pages that are read-only or missing, each flushed alone: faults, denied accesses and free slots go the short ways too.</summary>
    [Theory]
    [InlineData("full LRU")]
    [InlineData("unified")]
    [InlineData("eight ways")]
    [InlineData("odd sets of full firsts")]
    [InlineData("larger")]
    [InlineData("sets")]
    public void Fast_and_naive_agree_on_pages_that_fault_and_are_flushed(string shape) =>
        ModelProperty.Check(FaultOperations(), sequence => Compare(Shapes[shape], OnFaultingPages(sequence), NaiveBug.None), tests: 60, length: 400);

    /// <summary>A denied access uses its entry: the one used before must not be taken for the most recent any more.</summary>
    [Theory]
    [InlineData("plru")]
    [InlineData("pieces of blocks")]
    public void A_denied_access_counts_as_a_use(string shape)
    {
        ulong[] addresses = [0xA0779C, NaiveTables.GlobalBit | 0x5C072C, 0xA03CA6, 0x99E7D7, 0x20301D, 0xA0C982];
        TlbOperation remap = new(TlbOperation.What.Remap, 0, AccessKind.Load, 0, 0x392);
        foreach (TlbOperation.What what in new[] { TlbOperation.What.Access, TlbOperation.What.Single })
        {
            Compare(Shapes[shape], [remap, .. addresses.Select(address => new TlbOperation(what, address, AccessKind.Modify, 0, 0))], NaiveBug.None);
        }
    }

    [Theory]
    [InlineData(NaiveBug.HitDoesNotRefresh, "full LRU")]
    [InlineData(NaiveBug.HitDoesNotRefresh, "sets")]
    [InlineData(NaiveBug.HitDoesNotRefresh, "eight ways")]
    [InlineData(NaiveBug.FirstHitTouchesSecond, "full LRU")]
    [InlineData(NaiveBug.WrongSet, "odd sets")]
    [InlineData(NaiveBug.RunsIgnored, "full LRU")]
    [InlineData(NaiveBug.AsidIgnored, "unified")]
    [InlineData(NaiveBug.VmidIgnored, "sets")]
    [InlineData(NaiveBug.InvalidationForgetsSecond, "full LRU")]
    [InlineData(NaiveBug.AggregatesTwoOnly, "aggregation")]
    [InlineData(NaiveBug.GlobalIsNot, "full LRU")]
    [InlineData(NaiveBug.PermissionIgnored, "full LRU")]
    [InlineData(NaiveBug.PiecesStay, "pieces of blocks")]
    [InlineData(NaiveBug.ExclusiveHitStays, "exclusive second")]
    [InlineData(NaiveBug.VictimsAreLost, "exclusive second")]
    [InlineData(NaiveBug.VictimsAreLost, "two exclusive")]
    public void A_planted_bug_is_caught(NaiveBug bug, string shape) =>
        ModelProperty.MustFail(Operations(), sequence => Compare(Shapes[shape], sequence, bug), tests: 200, length: 400);

    // The fast unit gets accesses in batches as long as the runs of accesses in the sequence; some go one by one.
    private static void Compare(TlbGeometry geometry, IReadOnlyList<TlbOperation> sequence, NaiveBug bug)
    {
        NaiveTables tables = new();
        TranslationUnit<NaiveTables.Walker, NoObserver> fast = new(geometry, new NaiveTables.Walker(tables), default, Seed);
        NaiveUnit naive = new(geometry, tables, Seed, bug);
        List<Access> batch = [];
        foreach (TlbOperation operation in sequence)
        {
            if (operation.Kind == TlbOperation.What.Access)
            {
                batch.Add(new Access(new VirtAddr(operation.Address), 8, operation.Access));
                continue;
            }

            Flush(fast, naive, batch);
            Apply(operation, tables, fast, naive);
        }

        Flush(fast, naive, batch);
    }

    private static void Apply(
        TlbOperation operation, NaiveTables tables, TranslationUnit<NaiveTables.Walker, NoObserver> fast, NaiveUnit naive)
    {
        ushort asid = (ushort)operation.Asid;
        switch (operation.Kind)
        {
            case TlbOperation.What.Single:
                ulong pa = fast.Translate(new VirtAddr(operation.Address), operation.Access);
                Assert.Equal(naive.Translate(operation.Address, operation.Access) ?? ulong.MaxValue, pa);
                CompareCounts(fast, naive);
                break;
            case TlbOperation.What.Switch:
                tables.Asid = naive.Asid = asid;
                naive.Vmid = (ushort)(operation.Number & 1);
                fast.SwitchTo(new Asid(asid), naive.Vmid);
                break;
            case TlbOperation.What.Remap:
                int region = operation.Number % NaiveTables.RegionCount;
                NaiveTables.RegionKind kind = (NaiveTables.RegionKind)((operation.Number >> 4) & 3);
                bool isStale = kind == tables.KindOf(asid, region);
                tables.Change(asid, region, kind, operation.Number >> 8 & 3, (operation.Number & 0x40) != 0);
                if (!isStale)
                {
                    fast.InvalidateAll();
                    naive.Invalidate(0, ulong.MaxValue, null, null);
                }

                break;
            default:
                Invalidate(operation, fast, naive);
                break;
        }
    }

    private static void Invalidate(TlbOperation operation, TranslationUnit<NaiveTables.Walker, NoObserver> fast, NaiveUnit naive)
    {
        ulong start = operation.Address & ~0xFFFUL;
        ulong end = start + ((ulong)(uint)(1 + (operation.Number & 31)) << 12);
        ushort asid = (ushort)operation.Asid;
        switch (operation.Kind)
        {
            case TlbOperation.What.InvalidateRange when (operation.Number & 0x200) != 0:
                // The same by instructions.
                LinuxTlbFlush flush = new(new InnerShareableDomain([fast])) { HasRangeInstructions = (operation.Number & 0x100) != 0 };
                flush.FlushRange(0, new Asid(asid), new VirtAddr(start), new VirtAddr(end));
                naive.Invalidate(start, end - 1, asid, naive.Vmid);
                break;
            case TlbOperation.What.InvalidateRange:
                fast.Invalidate(new Asid(asid), new VirtAddr(start), new VirtAddr(end));
                naive.Invalidate(start, end - 1, asid, naive.Vmid);
                break;
            case TlbOperation.What.InvalidateForAll:
                fast.InvalidateForAll(new VirtAddr(start), new VirtAddr(end), lastLevelOnly: true);
                naive.Invalidate(start, end - 1, null, naive.Vmid);
                break;
            case TlbOperation.What.InvalidateAsid:
                fast.Invalidate(new Asid(asid));
                naive.Invalidate(0, ulong.MaxValue, asid, naive.Vmid, keepsGlobal: true);
                break;
            case TlbOperation.What.InvalidateVmid:
                fast.InvalidateCurrentVmid();
                naive.Invalidate(0, ulong.MaxValue, null, naive.Vmid);
                break;
        }
    }

    private static void Flush(TranslationUnit<NaiveTables.Walker, NoObserver> fast, NaiveUnit naive, List<Access> batch)
    {
        Access[] accesses = [.. batch];
        ulong[] physical = new ulong[accesses.Length];
        int done = 0;
        batch.Clear();
        while (done < accesses.Length)
        {
            int count = fast.Run(accesses.AsSpan(done), physical.AsSpan(done));
            for (int i = done; i < done + count; i++)
            {
                Assert.Equal(naive.Translate(accesses[i].Address.ToUInt64(), accesses[i].Kind), physical[i]);
            }

            done += count;
            if (done < accesses.Length)
            {
                Assert.Null(naive.Translate(accesses[done].Address.ToUInt64(), accesses[done].Kind));
                Assert.Equal(accesses[done].Address, fast.Stop.Address);
                done++;
            }
        }

        CompareCounts(fast, naive);
    }

    private static void CompareCounts(TranslationUnit<NaiveTables.Walker, NoObserver> fast, NaiveUnit naive)
    {
        Assert.Equal(
            naive.Levels.Select(level => new TlbLevelStatistics(level.Geometry.Name, level.Lookups, level.Lookups - level.Misses, level.Misses)),
            fast.Statistics);
    }

    private static Gen<TlbOperation> Operations()
    {
        // Few pages, so that hits are common; neighbours, so that runs and aggregation matter; now and then far away.
        Gen<ulong> address =
            from region in Gen.Frequency((8, Gen.Choose(0, NaiveTables.RegionCount - 1)), (1, Gen.Choose(16, 19)), (1, Gen.Choose(30, 32)))
            from page in Gen.Frequency((6, Gen.Choose(0, 7)), (2, Gen.Choose(12, 20)), (1, Gen.Choose(0, 511)))
            from offset in Gen.Choose(0, 4095)
            from half in Gen.Frequency((4, Gen.Constant(0UL)), (1, Gen.Constant(NaiveTables.GlobalBit)))
            select half | ((ulong)(uint)region << NaiveTables.RegionLog2) | ((ulong)(uint)page << 12) | (uint)offset;
        Gen<TlbOperation.What> kind = Gen.Frequency(
            (60, Gen.Constant(TlbOperation.What.Access)),
            (6, Gen.Constant(TlbOperation.What.Single)),
            (2, Gen.Constant(TlbOperation.What.Switch)),
            (1, Gen.Constant(TlbOperation.What.Remap)),
            (1, Gen.Constant(TlbOperation.What.InvalidateRange)),
            (1, Gen.Constant(TlbOperation.What.InvalidateForAll)),
            (1, Gen.Elements(TlbOperation.What.InvalidateAsid, TlbOperation.What.InvalidateVmid)));
        return
            from what in kind
            from place in address
            from access in Gen.Choose(0, 3)
            from asid in Gen.Choose(0, 2)
            from number in Gen.Choose(0, 0x3FF)
            select new TlbOperation(what, place, (AccessKind)access, asid, number);
    }

    // A region of pages, of 32 of them, and of one for all address spaces.
    private static Gen<TlbOperation> PageOperations() =>
        from what in Gen.Frequency(
            (80, Gen.Constant(TlbOperation.What.Access)),
            (10, Gen.Constant(TlbOperation.What.Single)),
            (1, Gen.Constant(TlbOperation.What.Switch)),
            (1, Gen.Constant(TlbOperation.What.InvalidateRange)))
        from page in Gen.Choose(0, 31)
        from half in Gen.Frequency((8, Gen.Constant(0UL)), (1, Gen.Constant(NaiveTables.GlobalBit)))
        from access in Gen.Frequency((5, Gen.Constant(AccessKind.Load)), (2, Gen.Constant(AccessKind.Store)), (2, Gen.Constant(AccessKind.Fetch)))
        from number in Gen.Choose(0, 0x3FF)
        select new TlbOperation(what, half | ((ulong)(uint)page << 12), access, number & 1, number);

    // Pages that cannot be aggregated, of the three regions that OnFaultingPages makes.
    private static Gen<TlbOperation> FaultOperations() =>
        from what in Gen.Frequency(
            (10, Gen.Constant(TlbOperation.What.Access)),
            (30, Gen.Constant(TlbOperation.What.Single)),
            (1, Gen.Constant(TlbOperation.What.Switch)),
            (8, Gen.Constant(TlbOperation.What.InvalidateRange)))
        from region in Gen.Frequency((5, Gen.Constant(0)), (2, Gen.Constant(1)), (1, Gen.Constant(2)))
        from page in Gen.Choose(0, 15)
        from half in Gen.Frequency((8, Gen.Constant(0UL)), (1, Gen.Constant(NaiveTables.GlobalBit)))
        from access in Gen.Frequency((5, Gen.Constant(AccessKind.Load)), (5, Gen.Constant(AccessKind.Store)), (2, Gen.Constant(AccessKind.Fetch)))
        from asid in Gen.Choose(0, 1)
        from way in Gen.Elements(0, 0x200, 0x300)
        select new TlbOperation(
            what,
            half | ((ulong)(uint)region << NaiveTables.RegionLog2) | ((ulong)(uint)(((page >> 1) * 8) + 4 + (page & 1)) << 12),
            access,
            asid,
            way);

    // Region 0 has pages, which one address space may only read; region 1 pages that both may only read; region 2 nothing.
    private static IReadOnlyList<TlbOperation> OnFaultingPages(IReadOnlyList<TlbOperation> sequence)
    {
        const int WritablePages = 0x40;
        const int ReadOnlyPages = 0;
        const int Hole = 0x30;
        return
        [
            .. new[] { 0, 1 }.SelectMany(asid => new[] { asid == 0 ? WritablePages : ReadOnlyPages, 1 | ReadOnlyPages, 2 | Hole }.Select(
                number => new TlbOperation(TlbOperation.What.Remap, 0, AccessKind.Load, asid, number))),
            .. sequence,
        ];
    }

    // Region 0 has pages in both address spaces and for all of them.
    private static IReadOnlyList<TlbOperation> OnPages(IReadOnlyList<TlbOperation> sequence)
    {
        const int WritablePages = 0x40;
        return [.. new[] { 0, 1 }.Select(asid => new TlbOperation(TlbOperation.What.Remap, 0, AccessKind.Load, asid, WritablePages)), .. sequence];
    }

    private static TlbGeometry Parse(string text) =>
        TlbSpec.TryParse(text, out TlbGeometry? geometry, out string? wrong, out _) ? geometry : throw new InvalidOperationException(wrong);

    private static TlbGeometry Restrict(TlbGeometry geometry, ulong sizesOfFirst, bool holdsRuns, int aggregation) => new(
        [.. geometry.Levels.Select(level => level with
        {
            PageSizes = level.Level == 1 ? sizesOfFirst : TlbLevelGeometry.AllPageSizes,
            HoldsContiguousRuns = holdsRuns,
            AggregationLog2 = aggregation,
        })]);
}
