namespace Engine.Core.Migration;

/// <summary>Where compaction stands in a zone, in the arena (the <c>compact_*</c> members of <c>struct zone</c>).</summary>
internal struct ZoneScan
{
    /// <summary>The migrate scanner's next pageblock, absolute.</summary>
    public int MigrateBlock;

    /// <summary>The free scanner's next pageblock, absolute, going down.</summary>
    public int FreeBlock;

    /// <summary>Tries skipped since compaction failed (<c>compact_considered</c>).</summary>
    public int Considered;

    /// <summary>log2 of the tries to skip (<c>compact_defer_shift</c>).</summary>
    public int DeferShift;

    /// <summary>The smallest order that compaction failed for (<c>compact_order_failed</c>).</summary>
    public int OrderFailed;
}
