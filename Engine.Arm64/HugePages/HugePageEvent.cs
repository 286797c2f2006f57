namespace Engine.Arm64.HugePages;

/// <summary>What is counted about large folios; the names in <c>/proc/vmstat</c> stand at each.</summary>
public enum HugePageEvent
{
    /// <summary>A fault mapped a 2 MiB folio (<c>thp_fault_alloc</c>).</summary>
    FaultAllocation,

    /// <summary>A fault found no memory for a 2 MiB folio (<c>thp_fault_fallback</c>).</summary>
    FaultFallback,

    /// <summary>A fault mapped an anonymous folio between a page and 2 MiB (<c>anon_fault_alloc</c> of the size).</summary>
    SmallerAllocation,

    /// <summary>A fault found no memory for such a folio (<c>anon_fault_fallback</c>).</summary>
    SmallerFallback,

    /// <summary>A folio was allocated to collapse pages into it (<c>thp_collapse_alloc</c>).</summary>
    CollapseAllocation,

    /// <summary>There was no memory to collapse pages (<c>thp_collapse_alloc_failed</c>).</summary>
    CollapseAllocationFailed,

    /// <summary>A file's 2 MiB folio was mapped by one entry (<c>thp_file_mapped</c>).</summary>
    FileMapped,

    /// <summary>A folio was split into pages (<c>thp_split_page</c>).</summary>
    FolioSplit,

    /// <summary>A folio could not be split, because somebody holds it (<c>thp_split_page_failed</c>).</summary>
    FolioSplitFailed,

    /// <summary>A folio that is mapped in part waits to be split (<c>thp_deferred_split_page</c>).</summary>
    DeferredSplit,

    /// <summary>An entry that maps 2 MiB became a table (<c>thp_split_pmd</c>).</summary>
    MapSplit,

    /// <summary>The huge zero page was allocated (<c>thp_zero_page_alloc</c>).</summary>
    ZeroPageAllocation,

    /// <summary>There was no memory for the huge zero page (<c>thp_zero_page_alloc_failed</c>).</summary>
    ZeroPageAllocationFailed,
}
