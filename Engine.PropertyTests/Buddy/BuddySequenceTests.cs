using Engine.Core.Units;
using Engine.PropertyTests.Support;
using FsCheck;
using FsCheck.Fluent;
using Mmsim.Fuzz;
using Xunit;

namespace Engine.PropertyTests.Buddy;

/// <summary>Random sequences of operations against the reference, and bugs that it must see.</summary>
public sealed class BuddySequenceTests
{
    // From FsCheck's randomness a seed for one operation of the fuzzer's own mix.
    private static readonly Gen<BuddyOperation> Operation =
        Gen.Choose(0, int.MaxValue - 1).Select(seed => FuzzBuddy.MakeOperation(new SplitMix64((ulong)seed)));

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 2)]
    [InlineData(2, 3)]
    [InlineData(3, 2)]
    [InlineData(4, 2)]
    public void Every_sequence_agrees_with_the_reference(int kind, int cpuCount) =>
        ModelProperty.Check(Operation, operations => BuddyRun.Replay(new BuddySetup(kind, cpuCount), operations), tests: 12, length: 250);

    [Theory]
    [InlineData(Bug.LosesAFree)]
    [InlineData(Bug.HandsOutTwice)]
    [InlineData(Bug.FreesOneFrameOfABlock)]
    [InlineData(Bug.AcceptsBadFrees)]
    [InlineData(Bug.FailsTooEarly)]
    [InlineData(Bug.FailureTakesAFrame)]
    [InlineData(Bug.FailureFreesABlock)]
    [InlineData(Bug.FlipsABitOfTheFreeMap)]
    [InlineData(Bug.CountsWrongly)]
    public void A_planted_bug_is_caught(Bug bug) =>
        ModelProperty.MustFail(Operation, operations =>
        {
            using FaultyRun run = new(new BuddySetup(bug is Bug.FailureTakesAFrame or Bug.FailureFreesABlock ? 4 : 0, 2), bug);
            run.RunAll(operations);
        }, tests: 60, length: 300);

    [Fact]
    public void A_failing_sequence_shrinks_to_a_test_that_can_be_pasted()
    {
        SplitMix64 random = new(7);
        BuddySetup setup = new(0, 2);
        List<BuddyOperation> operations = [.. Enumerable.Range(0, 200).Select(_ => FuzzBuddy.MakeOperation(random))];
        Assert.True(Fails(operations));
        IReadOnlyList<BuddyOperation> smallest = SequenceShrinker.Shrink(operations, Fails, 300);
        Assert.InRange(smallest.Count, 1, 4);
        string text = FuzzBuddy.FormatTest(7, setup, smallest);
        Assert.StartsWith("[Fact]\npublic void Fuzz_buddy_7() => BuddyRun.Replay(\n    new BuddySetup(0, 2),", text, StringComparison.Ordinal);

        bool Fails(IReadOnlyList<BuddyOperation> shorter)
        {
            try
            {
                using FaultyRun run = new(setup, Bug.LosesAFree);
                run.RunAll(shorter);
                return false;
            }
            catch (FuzzMismatchException)
            {
                return true;
            }
        }
    }

    public enum Bug
    {
        LosesAFree,
        HandsOutTwice,
        FreesOneFrameOfABlock,
        AcceptsBadFrees,
        FailsTooEarly,
        FailureTakesAFrame,
        FailureFreesABlock,
        FlipsABitOfTheFreeMap,
        CountsWrongly,
    }

    private sealed class FaultyRun : BuddyRun
    {
        private readonly Bug bug;
        private Pfn last = Pfn.None;
        private int count;

        public FaultyRun(BuddySetup setup, Bug bug)
            : base(setup) => this.bug = bug;

        protected override bool TryAllocate(CpuId cpu, Order order, GfpFlags gfp, out Pfn pfn)
        {
            count++;
            pfn = Pfn.None;
            if (bug == Bug.FailsTooEarly && count % 5 == 0)
            {
                return false;
            }

            bool isTaken = base.TryAllocate(cpu, order, gfp, out pfn);
            if (bug == Bug.HandsOutTwice && count % 7 == 0 && last != Pfn.None)
            {
                pfn = last;
                return true;
            }

            if (!isTaken && bug == Bug.FailureTakesAFrame)
            {
                _ = base.TryAllocate(cpu, Order.Zero, gfp, out _);
            }

            if (!isTaken && bug == Bug.FailureFreesABlock && last != Pfn.None && Allocator.TryFindBlock(last, out _, out _))
            {
                base.Free(cpu, last, Order.Zero);
            }

            last = isTaken && order == Order.Zero ? pfn : last;
            Sabotage();
            return isTaken;
        }

        protected override void Free(CpuId cpu, Pfn pfn, Order order)
        {
            bool isGood = Allocator.TryFindBlock(pfn, out Pfn head, out Order found) && head == pfn && found == order;
            if ((bug == Bug.LosesAFree && isGood && ++count % 3 == 0) || (bug == Bug.AcceptsBadFrees && !isGood))
            {
                return;
            }

            if (bug == Bug.FreesOneFrameOfABlock && isGood && order > Order.Zero && Allocator.TrySplit(pfn, Order.Zero))
            {
                order = Order.Zero;
            }

            base.Free(cpu, pfn, order);
        }

        private void Sabotage()
        {
            if (count != 10)
            {
                return;
            }

            if (bug == Bug.FlipsABitOfTheFreeMap)
            {
                Flip("pageblock table", 9 * 16);
            }

            if (bug == Bug.CountsWrongly)
            {
                Flip("zones", 0);
            }
        }

        private void Flip(string region, ulong offset) =>
            Allocator.Memory.GetRef<byte>(Allocator.MetadataRegions.Single(one => one.Name == region).Start + offset) ^= 1;
    }
}
