namespace Engine.Arm64.Faults;

/// <summary>Who meets a fault. It decides what counts as major: a fault that waits for input is taken again, and what is counted is the second time.</summary>
internal enum FaultOrigin
{
    /// <summary>An access of the program.</summary>
    Access,

    /// <summary>mlock or MAP_POPULATE (<c>populate_vma_page_range</c>): the second time finds the page in the cache and is minor.</summary>
    Populate,

    /// <summary>MADV_POPULATE_READ or _WRITE (<c>faultin_page_range</c>): the second time is marked as such and counts as major.</summary>
    PopulateAdvice,

    /// <summary>mprotect makes a locked VMA writable (<c>mprotect_fixup</c>): the fault waits where it is and is not taken again, so it is major.</summary>
    PopulateInPlace,

    /// <summary>A page is pinned for reading (<c>FAULT_FLAG_UNSHARE</c>): the process gets it for itself, without the right to write.</summary>
    Unshare,
}
