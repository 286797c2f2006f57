using Engine.Core.Units;

namespace Mmsim.Fuzz;

/// <summary>Fuzzes the page allocator.</summary>
public sealed class FuzzBuddy : IFuzzTarget
{
    private const int LengthMax = 600;

    private static readonly GfpFlags[] Gfps =
    [
        GfpFlags.Kernel, GfpFlags.Kernel | GfpFlags.MemAlloc, GfpFlags.HighUserMovable, GfpFlags.HighUserMovable | GfpFlags.MemAlloc,
        GfpFlags.HighUserMovable | GfpFlags.Comp, GfpFlags.Atomic, GfpFlags.Kernel | GfpFlags.Reclaimable, GfpFlags.Kernel | GfpFlags.Dma,
        GfpFlags.NoWait | GfpFlags.Comp, GfpFlags.User | GfpFlags.Zero, GfpFlags.Kernel | GfpFlags.Comp | GfpFlags.NoRetry,
    ];

    // Allocations and frees by turns, the rest now and then.
    private static readonly BuddyStep[] Steps =
    [
        .. Enumerable.Repeat(BuddyStep.Allocate, 22), .. Enumerable.Repeat(BuddyStep.Free, 14), .. Enumerable.Repeat(BuddyStep.FreeDeferred, 3),
        BuddyStep.FreeTwice, BuddyStep.FreeWrongOrder, BuddyStep.FreeTail, BuddyStep.FreeReserved, BuddyStep.DrainLocal, BuddyStep.DrainAll,
        BuddyStep.Tick, BuddyStep.Worker, BuddyStep.Bulk, BuddyStep.Split, BuddyStep.Isolate, BuddyStep.Range, BuddyStep.Compact, BuddyStep.MinFree,
    ];

    /// <inheritdoc/>
    public string Name => "buddy";

    /// <inheritdoc/>
    public string Description => "The page allocator: blocks, per-CPU lists, bad frees, isolation, compaction.";

    /// <summary>A random operation.</summary>
    public static BuddyOperation MakeOperation(SplitMix64 random)
    {
        // Small orders are common, each order occurs.
        int order = Math.Min(random.Below(Order.Count), random.Below(Order.Count));
        return new BuddyOperation(
            Steps[random.Below(Steps.Length)], random.Below(4), order, Gfps[random.Below(Gfps.Length)], unchecked((uint)random.Next()));
    }

    /// <inheritdoc/>
    public FuzzResult RunOne(ulong seed)
    {
        SplitMix64 random = new(seed);
        BuddySetup setup = new(random.Below(BuddySetup.KindCount), 1 + random.Below(3));
        List<BuddyOperation> operations = [.. Enumerable.Range(0, 1 + random.Below(LengthMax)).Select(_ => MakeOperation(random))];
        return SequenceFuzz.Run(operations, sequence => BuddyRun.Replay(setup, sequence), Test(seed, setup));
    }

    /// <summary>A sequence as a test that can be pasted.</summary>
    public static string FormatTest(ulong seed, BuddySetup setup, IReadOnlyList<BuddyOperation> operations) =>
        SequenceFuzz.FormatTest(Test(seed, setup), operations);

    private static string Test(ulong seed, BuddySetup setup) => $"Fuzz_buddy_{seed:x}() => BuddyRun.Replay(\n    {setup},";
}
