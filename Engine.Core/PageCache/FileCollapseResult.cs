namespace Engine.Core.PageCache;

/// <summary>How collapsing 2 MiB of a file ended (<c>enum scan_result</c>, mm/khugepaged.c).</summary>
public enum FileCollapseResult
{
    /// <summary>A folio of 2 MiB has taken the place of the others (<c>SCAN_SUCCEED</c>).</summary>
    Done,

    /// <summary>There was one already (<c>SCAN_PTE_MAPPED_HUGEPAGE</c>).</summary>
    AlreadyHuge,

    /// <summary>There is nothing to collapse (<c>SCAN_TRUNCATED</c>).</summary>
    Empty,

    /// <summary>Somebody beside page tables holds a folio (<c>SCAN_PAGE_COUNT</c>).</summary>
    Held,

    /// <summary>More pages are missing, or in swap space, than may be (<c>SCAN_EXCEED_NONE_PTE</c>, <c>SCAN_EXCEED_SWAP_PTE</c>).</summary>
    TooSparse,

    /// <summary>There is no memory (<c>SCAN_ALLOC_HUGE_PAGE_FAIL</c>).</summary>
    OutOfMemory,

    /// <summary>A page could not be brought back from swap space (<c>SCAN_FAIL</c>).</summary>
    InputError,
}
