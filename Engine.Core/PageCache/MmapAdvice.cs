namespace Engine.Core.PageCache;

/// <summary>What a VMA says about how it will be accessed: the bits of <c>vm_flags</c> that a file fault looks at.</summary>
[Flags]
public enum MmapAdvice
{
    /// <summary>Nothing: read around the fault (<c>MADV_NORMAL</c>).</summary>
    Normal = 0,

    /// <summary>Front to back (<c>MADV_SEQUENTIAL</c>, <c>VM_SEQ_READ</c>).</summary>
    Sequential = 1,

    /// <summary>No order: read only what is asked for (<c>MADV_RANDOM</c>, <c>VM_RAND_READ</c>).</summary>
    Random = 2,

    /// <summary>Huge pages are wanted (<c>MADV_HUGEPAGE</c>, <c>VM_HUGEPAGE</c>).</summary>
    HugePage = 4,

    /// <summary>The mapping is executable (<c>VM_EXEC</c>).</summary>
    Executable = 8,
}
