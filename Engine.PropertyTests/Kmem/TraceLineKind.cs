namespace Engine.PropertyTests.Kmem;

/// <summary>The kinds of lines in a made-up trace.</summary>
internal enum TraceLineKind
{
    Alloc,
    Free,
    FreeBatched,
    PcpuDrain,
    ZoneLocked,
    ExtFrag,
    Marker,
}
