using Engine.Arm64.Translation;

namespace Mmsim.Fuzz;

/// <summary>Fuzzes translation: TLBs and their fast walker.</summary>
public sealed class FuzzMmu : IFuzzTarget
{
    private const int LengthMax = 3000;

    private static readonly MmuStep[] Steps =
    [
        .. Enumerable.Repeat(MmuStep.Translate, 60), MmuStep.Rewrite, .. Enumerable.Repeat(MmuStep.SwitchTo, 3),
        .. Enumerable.Repeat(MmuStep.InvalidateAddress, 3), MmuStep.InvalidateAsid, MmuStep.InvalidateAll,
    ];

    private static readonly string[] Tlbs =
    [
        "l1i=4:full,l1d=6:full,l2=16:4", "l1i=3:full,l1d=4:full,l2=15:5", "l1=6:full,l2=20:5", "l1i=6:2,l1d=8:4,l2=24:4", "l1=4:full",
        "l1i=5:full:plru,l1d=8:4:plru,l2=18:6:plru", "l1i=4:full:fifo,l1d=6:full:fifo,l2=15:5:random", "l1d=4:full,l2=12:3",
    ];

    /// <inheritdoc/>
    public string Name => "mmu";

    /// <inheritdoc/>
    public string Description => "Translation: random tables through TLBs of several shapes, compared with a walk by the book at each access.";

    /// <summary>A random operation.</summary>
    public static MmuOperation MakeOperation(SplitMix64 random) =>
        new(Steps[random.Below(Steps.Length)], unchecked((uint)random.Next()), (AccessKind)random.Below(4), random.Below(3) == 0);

    /// <inheritdoc/>
    public FuzzResult RunOne(ulong seed)
    {
        SplitMix64 random = new(seed);
        bool setsAccessFlag = random.Below(2) == 0;
        MmuSetup setup = new(unchecked((uint)random.Next()), Tlbs[random.Below(Tlbs.Length)], setsAccessFlag, setsAccessFlag && random.Below(2) == 0);
        List<MmuOperation> operations = [.. Enumerable.Range(0, 1 + random.Below(LengthMax)).Select(_ => MakeOperation(random))];
        return SequenceFuzz.Run(operations, shorter => MmuRun.Replay(setup, shorter), $"Fuzz_mmu_{seed:x}() => MmuRun.Replay(\n    {setup},");
    }
}
