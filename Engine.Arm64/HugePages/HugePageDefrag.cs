namespace Engine.Arm64.HugePages;

/// <summary>What a fault may do to find memory for a large folio (<c>/sys/kernel/mm/transparent_hugepage/defrag</c>, <c>vma_thp_gfp_mask</c>).</summary>
public enum HugePageDefrag
{
    /// <summary>Nothing: what is free at once or none.</summary>
    Never,

    /// <summary>Direct reclaim and compaction in VMAs advised with MADV_HUGEPAGE, nothing elsewhere.</summary>
    Madvise,

    /// <summary>As <see cref="Madvise"/>; elsewhere kswapd is woken.</summary>
    DeferMadvise,

    /// <summary>kswapd is woken.</summary>
    Defer,

    /// <summary>Direct reclaim and compaction everywhere.</summary>
    Always,
}
