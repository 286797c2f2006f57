namespace Engine.Core.Zones;

/// <summary>
/// How the pages of a pageblock can be moved (<c>enum migratetype</c>, include/linux/mmzone.h), with Linux's values.
/// The first three have per-CPU lists of their own.
/// </summary>
public enum MigrateType
{
    /// <summary>Pages that stay where they are: kernel data.</summary>
    Unmovable = 0,

    /// <summary>Pages that can be migrated or reclaimed: user memory, page cache.</summary>
    Movable = 1,

    /// <summary>Pages that a shrinker can free: dentries, inodes.</summary>
    Reclaimable = 2,

    /// <summary>The reserve for high-order atomic allocations.</summary>
    HighAtomic = 3,

    /// <summary>The contiguous memory allocator's areas: movable pages only.</summary>
    Cma = 4,

    /// <summary>Taken out of use while a range is being emptied; nothing is allocated from it.</summary>
    Isolate = 5,
}
