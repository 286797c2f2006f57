namespace Mmsim.Fuzz;

/// <summary>Fuzzes vmalloc.</summary>
public sealed class FuzzVmalloc : IFuzzTarget
{
    private const int LengthMax = 120;

    private static readonly VmallocStep[] Steps =
    [
        .. Enumerable.Repeat(VmallocStep.Allocate, 8), .. Enumerable.Repeat(VmallocStep.Free, 8), VmallocStep.AllocateHuge, VmallocStep.MapDevice,
        .. Enumerable.Repeat(VmallocStep.MapRam, 4), .. Enumerable.Repeat(VmallocStep.UnmapRam, 4), VmallocStep.UnmapRamBad,
        VmallocStep.FreeBad, VmallocStep.Purge, VmallocStep.AllocateWithoutTables,
    ];

    /// <inheritdoc/>
    public string Name => "vmalloc";

    /// <inheritdoc/>
    public string Description => "Kernel address ranges: areas, guard pages, lazy purge, bad frees, no memory for page tables.";

    /// <summary>A random operation.</summary>
    public static VmallocOperation MakeOperation(SplitMix64 random) =>
        new(Steps[random.Below(Steps.Length)], random.Below(3), random.Below(random.Below(6) == 0 ? 4 << 20 : 100_000), unchecked((uint)random.Next()));

    /// <inheritdoc/>
    public FuzzResult RunOne(ulong seed)
    {
        SplitMix64 random = new(seed);
        List<VmallocOperation> operations = [.. Enumerable.Range(0, 1 + random.Below(LengthMax)).Select(_ => MakeOperation(random))];
        return SequenceFuzz.Run(operations, VmallocRun.Replay, $"Fuzz_vmalloc_{seed:x}() => VmallocRun.Replay(");
    }
}
