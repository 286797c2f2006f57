namespace Mmsim.Replay;

/// <summary>What one TLB level saw.</summary>
/// <param name="Name">As in the geometry: <c>l1d</c>.</param>
/// <param name="Geometry">As the command line writes it.</param>
/// <param name="Lookups">Accesses that asked it.</param>
/// <param name="Hits">Accesses that it answered.</param>
/// <param name="Misses">Accesses that it did not.</param>
internal sealed record TlbLevelResult(string Name, string Geometry, ulong Lookups, ulong Hits, ulong Misses);
