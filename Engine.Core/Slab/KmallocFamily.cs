namespace Engine.Core.Slab;

/// <summary>The families of <c>kmalloc</c> caches (<c>enum kmalloc_cache_type</c>).</summary>
public enum KmallocFamily
{
    /// <summary><c>kmalloc-N</c>.</summary>
    Normal = 0,

    /// <summary><c>kmalloc-rcl-N</c>: reclaimable.</summary>
    Reclaimable = 1,

    /// <summary><c>dma-kmalloc-N</c>: from ZONE_DMA.</summary>
    Dma = 2,

    /// <summary><c>kmalloc-cg-N</c>: charged to a memory cgroup.</summary>
    Accounted = 3,
}
