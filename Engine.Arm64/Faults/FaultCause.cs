namespace Engine.Arm64.Faults;

/// <summary>What a resolved fault did. One fault has one cause.</summary>
public enum FaultCause
{
    /// <summary>A write to an anonymous page that was not there: a zeroed frame (<c>do_anonymous_page</c>).</summary>
    ZeroFill,

    /// <summary>A read of an anonymous page that was not there: the shared zero page (<c>do_anonymous_page</c>).</summary>
    ZeroPage,

    /// <summary>A read of a file's page, together with the cached pages around it (<c>do_read_fault</c>).</summary>
    File,

    /// <summary>A write to a page of a shared file mapping (<c>do_shared_fault</c>).</summary>
    FileShared,

    /// <summary>A write to a page of a private file mapping that was not there: a copy at once (<c>do_cow_fault</c>).</summary>
    FileCow,

    /// <summary>A write to a mapped page that others may see: copied (<c>wp_page_copy</c>).</summary>
    Cow,

    /// <summary>A write to a write-protected page that nobody else has: made writable (<c>wp_page_reuse</c>).</summary>
    Reuse,

    /// <summary>The page was mapped; only its accessed or dirty state had to be set by software (<c>ptep_set_access_flags</c>).</summary>
    AccessFlags,

    /// <summary>The page was in swap space (<c>do_swap_page</c>).</summary>
    Swap,
}
