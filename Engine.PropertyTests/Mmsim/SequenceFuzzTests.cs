using Engine.Core.Slab;
using Mmsim.Fuzz;
using Xunit;

namespace Engine.PropertyTests.MmsimTests;

/// <summary><c>mmsim fuzz slab</c>, <c>fuzz vmalloc</c> and <c>fuzz mmu</c>: nothing is found in the engine; what is found elsewhere becomes a small test.</summary>
public sealed class SequenceFuzzTests
{
    [Fact]
    public void Slab_sequences_agree_with_their_reference() => FindNothing(new FuzzSlab(), 60);

    [Fact]
    public void Vmalloc_sequences_agree_with_their_reference() => FindNothing(new FuzzVmalloc(), 15);

    [Fact]
    public void Mmu_sequences_agree_with_a_walk_by_the_book() => FindNothing(new FuzzMmu(), 60);

    /// <summary>A change of a table without invalidation, of which the TLB tells a later access.</summary>
    [Fact]
    public void A_forgotten_invalidation_becomes_the_smallest_test()
    {
        MmuSetup setup = new(7, "l1=6:full,l2=20:5", false, false);
        for (ulong seed = 1; seed < 50; seed++)
        {
            SplitMix64 random = new(seed);
            List<MmuOperation> operations = [.. Enumerable.Range(0, 400).Select(_ => FuzzMmu.MakeOperation(random))];
            operations = [.. operations.Select(one => one with { Step = one.Step == MmuStep.InvalidateAddress ? MmuStep.RewriteSilently : one.Step })];
            FuzzResult result = SequenceFuzz.Run(operations, shorter => MmuRun.Replay(setup, shorter), $"Fuzz_mmu_b() => MmuRun.Replay(\n    {setup},");
            if (result.Failure is not null)
            {
                Assert.Contains(" instead of ", result.Failure, StringComparison.Ordinal);
                Assert.Matches(@"MmuStep\.Translate, .*\n.*MmuStep\.RewriteSilently, .*\n.*MmuStep\.Translate, .*\n    ]", result.Test);
                return;
            }
        }

        Assert.Fail("no sequence showed the stale entry");
    }

    /// <summary>A second free of an object whose frame has become another cache's.</summary>
    [Fact]
    public void Fuzz_slab_399() => SlabRun.Replay(
        new SlabSetup(30, 32, (SlabFlags)0x100, false, false),
        [
            new(SlabStep.Allocate, 2, 10, 1430569628),
            new(SlabStep.Free, 2, 244, 976925936),
            new(SlabStep.Shrink, 1, 99, 723653258),
            new(SlabStep.Reallocate, 1, 4, 4255534176),
            new(SlabStep.FreeTwice, 2, 1, 1669679306),
        ]);

    [Fact]
    public void A_failing_sequence_becomes_the_smallest_test()
    {
        SplitMix64 random = new(11);
        SlabSetup setup = FuzzSlab.MakeSetup(random);
        List<SlabOperation> operations = [.. Enumerable.Range(0, 200).Select(_ => FuzzSlab.MakeOperation(random))];

        // The planted bug: shrinking a cache after a foreign address was freed.
        FuzzResult result = SequenceFuzz.Run(operations, BreakWhenShrunk, $"Fuzz_slab_b() => SlabRun.Replay(\n    {setup},");
        Assert.Equal(200, result.Operations);
        Assert.Equal("shrunk after a bad free", result.Failure);
        Assert.Matches(
            @"^\[Fact\]\npublic void Fuzz_slab_b\(\) => SlabRun\.Replay\(\n    new SlabSetup\(.*\),\n    \[\n"
            + @"        new\(SlabStep\.FreeForeign, \d, \d+, \d+\),\n        new\(SlabStep\.Shrink, \d, \d+, \d+\),\n    \]\);\n$",
            result.Test);
        Assert.Null(SequenceFuzz.FindFailure(operations, shorter => SlabRun.Replay(setup, shorter)));
    }

    [Fact]
    public void An_exception_of_the_engine_is_a_finding_with_its_kind() =>
        Assert.Equal(
            "InvalidOperationException: broken",
            SequenceFuzz.Run([1, 2, 3], _ => throw new InvalidOperationException("broken"), "Fuzz() => Run.Replay(").Failure);

    private static void BreakWhenShrunk(IReadOnlyList<SlabOperation> operations)
    {
        bool isBroken = false;
        foreach (SlabOperation operation in operations)
        {
            isBroken |= operation.Step == SlabStep.FreeForeign;
            if (isBroken && operation.Step == SlabStep.Shrink)
            {
                throw new FuzzMismatchException("shrunk after a bad free");
            }
        }
    }

    private static void FindNothing(IFuzzTarget target, int count)
    {
        for (ulong seed = 1; seed <= (ulong)count; seed++)
        {
            FuzzResult result = target.RunOne(seed);
            Assert.True(result.Failure is null, $"{target.Name}, seed {seed}: {result.Failure}\n{result.Test}");
        }
    }
}
