using System.Globalization;
using System.Text;
using Engine.Core.Slab;

namespace Mmsim.Fuzz;

/// <summary>Fuzzes slab caches and kmalloc.</summary>
public sealed class FuzzSlab : IFuzzTarget
{
    private const int LengthMax = 300;

    private static readonly SlabStep[] Steps =
    [
        .. Enumerable.Repeat(SlabStep.Allocate, 12), .. Enumerable.Repeat(SlabStep.Free, 10), .. Enumerable.Repeat(SlabStep.Reallocate, 6),
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
    public string Description => "Slab caches and kmalloc: random CPUs, bad frees, debug options, shrinking.";

    /// <summary>A random operation.</summary>
    public static SlabOperation MakeOperation(SplitMix64 random) =>
        new(Steps[random.Below(Steps.Length)], random.Below(SlabSetup.CpuCount), random.Below(random.Below(4) == 0 ? 300 : 12), (uint)random.Next());

    /// <summary>A random cache.</summary>
    public static SlabSetup MakeSetup(SplitMix64 random) =>
        new(1 + random.Below(random.Below(4) == 0 ? 5000 : 300), 1 << random.Below(8), DebugOptions[random.Below(DebugOptions.Length)], random.Below(3) > 0, random.Below(4) == 0);

    /// <inheritdoc/>
    public FuzzResult RunOne(ulong seed)
    {
        SplitMix64 random = new(seed);
        SlabSetup setup = MakeSetup(random);
        List<SlabOperation> operations = [.. Enumerable.Range(0, 1 + random.Below(LengthMax)).Select(_ => MakeOperation(random))];
        if (FindFailure(setup, operations) is null)
        {
            return new FuzzResult(operations.Count);
        }

        IReadOnlyList<SlabOperation> smallest = SequenceShrinker.Shrink(operations, shorter => FindFailure(setup, shorter) is not null);
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"[Fact]\npublic void Fuzz_slab_{seed:x}() => SlabRun.Replay(\n    {setup},\n    [\n");
        foreach (SlabOperation operation in smallest)
        {
            text.Append(CultureInfo.InvariantCulture, $"        {operation},\n");
        }

        return new FuzzResult(operations.Count, FindFailure(setup, smallest), text.Append("    ]);\n").ToString());
    }

    /// <summary>Runs a sequence; what went wrong, or null.</summary>
    public static string? FindFailure(SlabSetup setup, IReadOnlyList<SlabOperation> operations)
    {
#pragma warning disable CA1031 // whatever an operation throws is a finding
        try
        {
            SlabRun.Replay(setup, operations);
            return null;
        }
        catch (Exception wrong)
        {
            return wrong is FuzzMismatchException ? wrong.Message : $"{wrong.GetType().Name}: {wrong.Message}";
        }
#pragma warning restore CA1031
    }
}
