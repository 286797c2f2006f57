namespace Engine.Arm64.Tlb;

/// <summary>
/// Cycles that translation adds. No vendor publishes all of them; these are to be set by who knows better.
/// A hit in the first level adds nothing: it is part of the load's own latency.
/// </summary>
public sealed record TranslationCosts
{
    /// <summary>Cycles for each lookup in a TLB level beyond the first. Neoverse N1 and Cortex-A76: "usually 3 cycles" for the second (TRM, main TLB).</summary>
    public int LookupCycles { get; init; } = 3;

    /// <summary>Cycles for each lookup in the walk caches and in the cache of stage 2 translations.</summary>
    public int WalkCacheCycles { get; init; } = 2;

    /// <summary>Cycles for each descriptor that a walk reads: a load that hits the second-level data cache.</summary>
    public int DescriptorReadCycles { get; init; } = 11;

    /// <summary>Cycles for each TLB invalidation that another CPU has to answer.</summary>
    public int BroadcastCycles { get; init; } = 100;
}
