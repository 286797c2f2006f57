namespace Engine.Arm64.Processes;

/// <summary>How pages are brought in without an access.</summary>
public enum PopulateKind
{
    /// <summary>As mlock and MAP_POPULATE do: written where private and writable, otherwise read, whatever the protection (<c>populate_vma_page_range</c>).</summary>
    Touch,

    /// <summary>The same without giving up the lock of the memory map: a fault waits where it is (<c>mprotect_fixup</c>).</summary>
    TouchInPlace,

    /// <summary>MADV_POPULATE_READ.</summary>
    Read,

    /// <summary>MADV_POPULATE_WRITE.</summary>
    Write,
}
