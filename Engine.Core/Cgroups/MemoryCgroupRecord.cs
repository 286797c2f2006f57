using System.Runtime.InteropServices;

namespace Engine.Core.Cgroups;

/// <summary>The part of a memory cgroup that lives in the arena (<c>struct mem_cgroup</c>); its LRU lists follow, one set a node.</summary>
[StructLayout(LayoutKind.Sequential, Size = SizeBytes)]
internal struct MemoryCgroupRecord
{
    public const int SizeBytes = 64;

    /// <summary>The group's number, from 1 (<c>id</c>).</summary>
    public ulong Id;

    /// <summary>Pages charged (<c>memory.usage</c>).</summary>
    public long UsagePages;

    /// <summary>The most that may be charged (<c>memory.max</c>).</summary>
    public long LimitPages;

    /// <summary>The most that ever was charged (<c>memory.watermark</c>).</summary>
    public long PeakPages;

    /// <summary>How often the limit was met (<c>MEMCG_MAX</c>).</summary>
    public ulong MaxEvents;

    /// <summary>How often a process was killed (<c>MEMCG_OOM_KILL</c>).</summary>
    public ulong OomKills;
}
