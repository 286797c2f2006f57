using Engine.Arm64.Units;

namespace Engine.Arm64.Processes;

/// <summary>VMAs that are about to go, split off already (<c>struct vma_munmap_struct</c>, mm/vma.h).</summary>
internal struct UnmapRange
{
    /// <summary>The lowest of them.</summary>
    public VmAreaRef First;

    /// <summary>How many.</summary>
    public int AreaCount;

    /// <summary>First byte after the asked range.</summary>
    public VirtAddr End;

    /// <summary>Pages in them.</summary>
    public ulong PageCount;

    /// <summary>Pages of those that count as promised.</summary>
    public ulong AccountedPageCount;
}
