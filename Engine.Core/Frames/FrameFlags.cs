namespace Engine.Core.Frames;

/// <summary>Page flags with the bit numbers of Linux v6.9 (include/linux/page-flags.h).</summary>
[Flags]
public enum FrameFlags : ulong
{
    /// <summary>None is set.</summary>
    None = 0,

    /// <summary>The page is locked.</summary>
    Locked = 1UL << 0,

    /// <summary>The page is being written back.</summary>
    Writeback = 1UL << 1,

    /// <summary>The page was referenced since it was last looked at.</summary>
    Referenced = 1UL << 2,

    /// <summary>The contents are valid.</summary>
    Uptodate = 1UL << 3,

    /// <summary>The contents differ from the backing store.</summary>
    Dirty = 1UL << 4,

    /// <summary>The page is on an LRU list.</summary>
    Lru = 1UL << 5,

    /// <summary>First page of a compound page.</summary>
    Head = 1UL << 6,

    /// <summary>Someone waits for the page's lock.</summary>
    Waiters = 1UL << 7,

    /// <summary>On the active list.</summary>
    Active = 1UL << 8,

    /// <summary>Part of the working set when it was evicted.</summary>
    Workingset = 1UL << 9,

    /// <summary>An I/O error occurred.</summary>
    Error = 1UL << 10,

    /// <summary>The page belongs to the slab allocator.</summary>
    Slab = 1UL << 11,

    /// <summary>The owner's own flag; swap cache for anonymous pages.</summary>
    OwnerPrivate1 = 1UL << 12,

    /// <summary>The architecture's own flag.</summary>
    Arch1 = 1UL << 13,

    /// <summary>Reserved: not for the page allocator.</summary>
    Reserved = 1UL << 14,

    /// <summary>The private word is in use.</summary>
    Private = 1UL << 15,

    /// <summary>A second private flag.</summary>
    Private2 = 1UL << 16,

    /// <summary>Has blocks on disk; for anonymous pages: exclusive to one process.</summary>
    MappedToDisk = 1UL << 17,

    /// <summary>To be reclaimed soon; readahead mark of file pages.</summary>
    Reclaim = 1UL << 18,

    /// <summary>Backed by swap.</summary>
    SwapBacked = 1UL << 19,

    /// <summary>Cannot be evicted.</summary>
    Unevictable = 1UL << 20,

    /// <summary>Locked into memory by <c>mlock</c>.</summary>
    Mlocked = 1UL << 21,

    /// <summary>The memory behind it failed.</summary>
    HwPoison = 1UL << 23,

    /// <summary>What must not be set when a page is freed (<c>PAGE_FLAGS_CHECK_AT_FREE</c>).</summary>
    CheckAtFree = Lru | Locked | Private | Private2 | Writeback | Reserved | Slab | Active | Unevictable | Mlocked,

    /// <summary>What must not be set when a page is handed out (<c>PAGE_FLAGS_CHECK_AT_PREP</c>): everything but poison.</summary>
    CheckAtPrep = ((1UL << 24) - 1) & ~HwPoison,
}
