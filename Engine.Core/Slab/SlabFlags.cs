namespace Engine.Core.Slab;

/// <summary>
/// What a slab cache is for and how it is checked, with the numeric values of Linux v6.9
/// (include/linux/slab.h; <c>kmem_cache_create</c>'s flags).
/// </summary>
[Flags]
public enum SlabFlags : uint
{
    /// <summary>An ordinary cache.</summary>
    None = 0,

    /// <summary>Debug option F: consistency checks at each allocation and free (<c>SLAB_CONSISTENCY_CHECKS</c>).</summary>
    ConsistencyChecks = 0x100,

    /// <summary>Debug option Z: red zones around each object (<c>SLAB_RED_ZONE</c>).</summary>
    RedZone = 0x400,

    /// <summary>Debug option P: free objects are filled with a pattern that is checked (<c>SLAB_POISON</c>).</summary>
    Poison = 0x800,

    /// <summary>A cache of the <c>kmalloc</c> families (<c>SLAB_KMALLOC</c>).</summary>
    Kmalloc = 0x1000,

    /// <summary>Objects are aligned to cache lines (<c>SLAB_HWCACHE_ALIGN</c>).</summary>
    HwCacheAlign = 0x2000,

    /// <summary>Slabs come from ZONE_DMA (<c>SLAB_CACHE_DMA</c>).</summary>
    CacheDma = 0x4000,

    /// <summary>Slabs come from ZONE_DMA32 (<c>SLAB_CACHE_DMA32</c>).</summary>
    CacheDma32 = 0x8000,

    /// <summary>Debug option U: who allocated and freed each object is kept (<c>SLAB_STORE_USER</c>).</summary>
    StoreUser = 0x10000,

    /// <summary>Objects can be reclaimed by a shrinker (<c>SLAB_RECLAIM_ACCOUNT</c>).</summary>
    ReclaimAccount = 0x20000,

    /// <summary>Creation cannot fail (<c>SLAB_PANIC</c>).</summary>
    Panic = 0x40000,

    /// <summary>A slab is given back only after a grace period: the free pointer lies outside the object (<c>SLAB_TYPESAFE_BY_RCU</c>).</summary>
    TypesafeByRcu = 0x80000,

    /// <summary>Debug option T: each allocation and free is reported (<c>SLAB_TRACE</c>).</summary>
    Trace = 0x200000,

    /// <summary>The cache is never merged with another (<c>SLAB_NO_MERGE</c>).</summary>
    NoMerge = 0x1000000,

    /// <summary>Objects are charged to a memory cgroup (<c>SLAB_ACCOUNT</c>).</summary>
    Account = 0x4000000,

    /// <summary>The options that make a cache bypass all per-CPU caching (<c>SLAB_DEBUG_FLAGS</c>).</summary>
    DebugMask = ConsistencyChecks | RedZone | Poison | StoreUser | Trace,

    /// <summary>The options that add bytes to an object (<c>DEBUG_METADATA_FLAGS</c>).</summary>
    DebugMetadataMask = RedZone | Poison | StoreUser,

    /// <summary>A cache with one of these is never merged (<c>SLAB_NEVER_MERGE</c>).</summary>
    NeverMergeMask = RedZone | Poison | StoreUser | Trace | TypesafeByRcu | NoMerge,

    /// <summary>Two caches are merged only where these agree (<c>SLAB_MERGE_SAME</c>).</summary>
    MergeSameMask = ReclaimAccount | CacheDma | CacheDma32 | Account,
}
