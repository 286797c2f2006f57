namespace Mmsim.Kmem;

/// <summary>The page allocator's trace events (include/trace/events/kmem.h).</summary>
internal enum KmemEventKind : byte
{
    /// <summary>Any other event.</summary>
    Other = 0,

    /// <summary><c>mm_page_alloc</c>: a block was handed out, or none could be (frame 0).</summary>
    Alloc,

    /// <summary><c>mm_page_free</c>: a block was given back.</summary>
    Free,

    /// <summary><c>mm_page_free_batched</c>: said in addition to <c>mm_page_free</c> of the same page.</summary>
    FreeBatched,

    /// <summary><c>mm_page_pcpu_drain</c>: a block left a per-CPU list for the free area.</summary>
    PcpuDrain,

    /// <summary><c>mm_page_alloc_zone_locked</c>: a block left the free area.</summary>
    ZoneLocked,

    /// <summary><c>mm_page_alloc_extfrag</c>: a block was taken from another migrate type.</summary>
    ExtFrag,
}
