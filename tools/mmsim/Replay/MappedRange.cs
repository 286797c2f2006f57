namespace Mmsim.Replay;

/// <summary>What a system call says about pages, in page numbers; the ends are not included, and an empty range says nothing.</summary>
/// <param name="NeedsStart">First page that must have been mapped before the call.</param>
/// <param name="NeedsEnd">End of those.</param>
/// <param name="MapsStart">First page that is mapped after the call.</param>
/// <param name="MapsEnd">End of those.</param>
internal readonly record struct MappedRange(ulong NeedsStart, ulong NeedsEnd, ulong MapsStart, ulong MapsEnd);
