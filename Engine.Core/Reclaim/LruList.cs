namespace Engine.Core.Reclaim;

/// <summary>The LRU lists (<c>enum lru_list</c>, include/linux/mmzone.h).</summary>
public enum LruList
{
    /// <summary>Anonymous pages and shared memory, not used lately.</summary>
    InactiveAnon,

    /// <summary>Anonymous pages and shared memory, used lately.</summary>
    ActiveAnon,

    /// <summary>Pages of files, and anonymous pages that may vanish, not used lately.</summary>
    InactiveFile,

    /// <summary>Pages of files, used lately.</summary>
    ActiveFile,

    /// <summary>Pages that must stay. They are counted, not linked: their link counts locked mappings.</summary>
    Unevictable,
}
