using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <summary>One mremap on its way (<c>struct vma_remap_struct</c>, mm/mremap.c).</summary>
internal struct RemapRequest
{
    /// <summary>First byte of the source.</summary>
    public VirtAddr Address;

    /// <summary>Bytes of the source.</summary>
    public ulong OldLengthBytes;

    /// <summary>Bytes of the target.</summary>
    public ulong NewLengthBytes;

    /// <summary>As asked.</summary>
    public RemapFlags Flags;

    /// <summary>First byte of the target.</summary>
    public VirtAddr NewAddress;

    /// <summary>The VMA at <see cref="Address"/>.</summary>
    public VmAreaRef Area;

    /// <summary>Whether the bytes added to a locked VMA are to be brought in.</summary>
    public bool WantsPages;

    /// <summary>Whether the program said where to (<c>vrm_implies_new_addr</c>).</summary>
    public readonly bool HasTarget => (Flags & (RemapFlags.Fixed | RemapFlags.DontUnmap)) != 0;

    /// <summary>Whether the target is longer than the source.</summary>
    public readonly bool IsExpanding => NewLengthBytes > OldLengthBytes;

    /// <summary>Whether the target is shorter than the source.</summary>
    public readonly bool IsShrinking => NewLengthBytes < OldLengthBytes;

    /// <summary>Pages by which the target is longer.</summary>
    public readonly ulong AddedPageCount => IsExpanding ? (NewLengthBytes - OldLengthBytes) >> Pfn.PageShift : 0;
}
