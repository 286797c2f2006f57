namespace Engine.PropertyTests.Tlb;

/// <summary>Mistakes that the naive model makes on purpose: each must be noticed.</summary>
public enum NaiveBug
{
    None,
    HitDoesNotRefresh,
    FirstHitTouchesSecond,
    WrongSet,
    RunsIgnored,
    AsidIgnored,
    VmidIgnored,
    InvalidationForgetsSecond,
    AggregatesTwoOnly,
    GlobalIsNot,
    PermissionIgnored,
    PiecesStay,
    ExclusiveHitStays,
    VictimsAreLost,
    WalkCacheIgnoresAsid,
    WalkCacheHitDoesNotRefresh,
    WalkCacheStaysAtVae,
    WalkCacheGoesAtVale,
    IpaCacheIgnoresVmid,
    IpaCacheStays,
    IpaInvalidationTakesAll,
    TablesNotTranslated,
}
