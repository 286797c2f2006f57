using Engine.Core.Slab;

namespace Mmsim.Fuzz;

/// <summary>Fuzzes slab caches and kmalloc.</summary>
public sealed class FuzzSlab : IFuzzTarget
{
    private const int LengthMax = 300;

    private static readonly SlabStep[] Steps =
    [
        .. Enumerable.Repeat(SlabStep.Allocate, 9), .. Enumerable.Repeat(SlabStep.AllocateOnNode, 3), .. Enumerable.Repeat(SlabStep.Free, 10), .. Enumerable.Repeat(SlabStep.Reallocate, 6),
        SlabStep.FreeTwice, SlabStep.FreeInside, SlabStep.FreeForeign, SlabStep.Shrink,
    ];

    private static readonly SlabFlags[] DebugOptions =
    [
        SlabFlags.None, SlabFlags.None, SlabFlags.None, SlabFlags.ConsistencyChecks, SlabFlags.RedZone, SlabFlags.Poison, SlabFlags.StoreUser,
        SlabFlags.ConsistencyChecks | SlabFlags.RedZone | SlabFlags.Poison | SlabFlags.StoreUser,
    ];

    /// <inheritdoc/>
    public string Name => "slab";

    /// <inheritdoc/>
    public string Description => "Slab caches and kmalloc: random CPUs and NUMA nodes, bad frees, debug options, shrinking.";

    /// <summary>A random operation.</summary>
    public static SlabOperation MakeOperation(SplitMix64 random) =>
        new(Steps[random.Below(Steps.Length)], random.Below(SlabSetup.CpuCount), random.Below(random.Below(4) == 0 ? 300 : 12), unchecked((uint)random.Next()));

    /// <summary>A random cache.</summary>
    public static SlabSetup MakeSetup(SplitMix64 random) =>
        new(1 + random.Below(random.Below(4) == 0 ? 5000 : 300), 1 << random.Below(8), DebugOptions[random.Below(DebugOptions.Length)], random.Below(3) > 0, random.Below(4) == 0,
            random.Below(2) == 0 ? 1 : 2 + random.Below(2));

    /// <inheritdoc/>
    public FuzzResult RunOne(ulong seed)
    {
        SplitMix64 random = new(seed);
        SlabSetup setup = MakeSetup(random);
        List<SlabOperation> operations = [.. Enumerable.Range(0, 1 + random.Below(LengthMax)).Select(_ => MakeOperation(random))];
        return SequenceFuzz.Run(operations, sequence => SlabRun.Replay(setup, sequence), $"Fuzz_slab_{seed:x}() => SlabRun.Replay(\n    {setup},");
    }
}
