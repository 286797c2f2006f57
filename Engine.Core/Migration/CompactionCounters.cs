namespace Engine.Core.Migration;

/// <summary>What compaction has done since boot (the <c>compact_*</c> lines of <c>/proc/vmstat</c>).</summary>
public sealed class CompactionCounters
{
    /// <summary>Frames that the migrate scanner has looked at.</summary>
    public long MigrateScanned { get; internal set; }

    /// <summary>Frames that the free scanner has looked at.</summary>
    public long FreeScanned { get; internal set; }

    /// <summary>Frames taken out of use or out of the free area to move pages.</summary>
    public long Isolated { get; internal set; }

    /// <summary>Allocations that had to wait for compaction.</summary>
    public long Stall { get; internal set; }

    /// <summary>Of them, those that got nothing.</summary>
    public long Fail { get; internal set; }

    /// <summary>Of them, those that got their block.</summary>
    public long Success { get; internal set; }

    /// <summary>Pages moved.</summary>
    public long MigrateSuccess { get; internal set; }

    /// <summary>Pages whose owner refused.</summary>
    public long MigrateFail { get; internal set; }
}
