using Engine.Core.Arena;
using Engine.Core.Units;

namespace Engine.Core.Cgroups;

/// <summary>A memory cgroup (mm/memcontrol.c): user pages are charged to it, and it may have no more than its limit. Pages stay charged to the group that first used them.</summary>
public sealed class MemoryCgroup
{
    private readonly PhysicalMemory memory;

    internal MemoryCgroup(PhysicalMemory memory, PhysAddr address, ulong id, string name, ulong limitPages)
    {
        this.memory = memory;
        Address = address;
        Name = name;
        Record = new MemoryCgroupRecord { Id = id, LimitPages = (long)Math.Min(limitPages, long.MaxValue) };
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Pages charged.</summary>
    public ulong UsagePages => (ulong)Math.Max(0, Record.UsagePages);

    /// <summary>The most that ever was charged.</summary>
    public ulong PeakPages => (ulong)Math.Max(0, Record.PeakPages);

    /// <summary>The most pages that may be charged.</summary>
    public ulong LimitPages => (ulong)Math.Max(0, Record.LimitPages);

    /// <summary>How often the limit was met.</summary>
    public ulong MaxEvents => Record.MaxEvents;

    /// <summary>How often a process was killed for it.</summary>
    public ulong OomKills => Record.OomKills;

    internal PhysAddr Address { get; }

    internal ref MemoryCgroupRecord Record => ref memory.GetRef<MemoryCgroupRecord>(Address);
}
