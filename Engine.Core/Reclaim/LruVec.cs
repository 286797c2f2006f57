using System.Runtime.InteropServices;

namespace Engine.Core.Reclaim;

/// <summary>The LRU lists of a node, or of a memory cgroup on it (<c>struct lruvec</c>); in the arena. Head and tail are frame numbers plus one.</summary>
[StructLayout(LayoutKind.Sequential, Size = SizeBytes)]
internal unsafe struct LruVec
{
    public const int SizeBytes = 128;

    /// <summary>How many lists there are.</summary>
    public const int ListCount = (int)LruList.Unevictable + 1;

    /// <summary>The most recently added frame of each list, plus one.</summary>
    public fixed uint First[ListCount];

    /// <summary>The frame that was added longest ago, plus one.</summary>
    public fixed uint Last[ListCount];

    /// <summary>Pages on each list (<c>lru_zone_size</c>).</summary>
    public fixed long Pages[ListCount];
}
