namespace Engine.Arm64.Tlb;

/// <summary>What one TLB level has seen.</summary>
/// <param name="Name">The level: <c>l1d</c>, <c>l2</c>, …</param>
/// <param name="Lookups">Accesses that looked here.</param>
/// <param name="Hits">Those that found an entry.</param>
/// <param name="Misses">Those that did not.</param>
public readonly record struct TlbLevelStatistics(string Name, ulong Lookups, ulong Hits, ulong Misses);
