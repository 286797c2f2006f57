using Engine.Core.Zones;

namespace Engine.Core.Diagnostics.Procfs;

/// <summary>What a counter is asked about: one zone, one node, or the whole machine.</summary>
/// <param name="Node">The NUMA node; null is all of them.</param>
/// <param name="Zone">The kind of zone; null is all of them.</param>
public readonly record struct ProcScope(int? Node, ZoneType? Zone)
{
    /// <summary>The whole machine.</summary>
    public static readonly ProcScope Machine;
}
