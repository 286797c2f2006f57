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

    /// <summary>MADV_COLLAPSE.</summary>
    Collapse,

    /// <summary>The shrinker's step, and khugepaged's.</summary>
    Background,
}

/// <summary>One step.</summary>
/// <param name="Kind">What.</param>
/// <param name="Process">In which living process, modulo their number.</param>
/// <param name="Page">From which page.</param>
/// <param name="Count">How many pages.</param>
/// <param name="Value">The byte written.</param>
public sealed record FolioOperation(FolioOperationKind Kind, int Process, int Page, int Count, byte Value);
