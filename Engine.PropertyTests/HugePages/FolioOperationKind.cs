namespace Engine.PropertyTests.HugePages;

/// <summary>What a step does.</summary>
public enum FolioOperationKind
{
    /// <summary>Writes one page.</summary>
    Write,

    /// <summary>Reads one page and compares.</summary>
    Read,

    /// <summary>madvise(DONTNEED): zeroes.</summary>
    Drop,

    /// <summary>munmap of a part, and mmap of it again: zeroes.</summary>
    Unmap,

    /// <summary>mprotect to nothing and back.</summary>
    Protect,

    /// <summary>mremap to the other half of the process's memory.</summary>
    Move,

    /// <summary>fork.</summary>
    Fork,

    /// <summary>exit of a child.</summary>
    Exit,

    /// <summary>madvise(COLD).</summary>
    Cold,

    /// <summary>madvise(PAGEOUT).</summary>
    PageOut,

    /// <summary>MADV_COLLAPSE.</summary>
    Collapse,

    /// <summary>The shrinker's step, and khugepaged's.</summary>
    Background,
}
