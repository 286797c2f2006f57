namespace Engine.Core.Diagnostics;

/// <summary>Which structure a <see cref="Corruption"/> was found in.</summary>
public enum CorruptionCategory
{
    /// <summary>A frame's descriptor or state is not what the operation needs (the kernel's <i>Bad page state</i>).</summary>
    BadPageState,

    /// <summary>The free-area bitmaps disagree with themselves or with the counters.</summary>
    FreeArea,

    /// <summary>A per-CPU page list holds what it must not.</summary>
    PerCpuList,

    /// <summary>A slab's freelist, red zone, poison or counters.</summary>
    Slab,

    /// <summary>A page-table descriptor or page-table page.</summary>
    PageTable,

    /// <summary>A node of a process's VMA tree.</summary>
    VmAreaTree,

    /// <summary>A page-cache index, or a folio that disagrees with it.</summary>
    PageCache,

    /// <summary>A counter that differs from the recomputed truth.</summary>
    Counter,

    /// <summary>A TLB entry that disagrees with the tables.</summary>
    Tlb,

    /// <summary>A swap area's map, or the swap cache.</summary>
    Swap,

    /// <summary>An LRU list, or a counter of one.</summary>
    LruList,

    /// <summary>A vmalloc area or the kernel's own map.</summary>
    KernelMap,

    /// <summary>An access of the kernel that it may not make: an oops, or a copy that leaves its object.</summary>
    KernelAccess,

    /// <summary>A DMA mapping, or what a device did beyond its mappings.</summary>
    Dma,
}
