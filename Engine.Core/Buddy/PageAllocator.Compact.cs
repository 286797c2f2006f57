using Engine.Core.Units;

namespace Engine.Core.Buddy;

/// <content>Where the slow path meets compaction and deferred frees.</content>
public sealed unsafe partial class PageAllocator
{
    /// <summary>How pages in use are moved; null leaves compaction without progress.</summary>
    public IPageMigrator? Migrator { get; set; }

    private bool TryCompact(in AllocationRequest request, AllocFlags flags, CompactMode mode, out uint pfn)
    {
        pfn = Pfn.None.Value;
        return Migrator is not null && request.Order > 0 && mode == CompactMode.SyncFull && TryFreelist(request, flags, out pfn);
    }

    private bool FlushOwn(in AllocationRequest request) => Migrator is not null && request.Order < 0;
}
