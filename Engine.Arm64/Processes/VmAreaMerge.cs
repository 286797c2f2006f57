using Engine.Arm64.Units;

namespace Engine.Arm64.Processes;

/// <summary>A range that may join its neighbours, with the attributes that it will have (<c>struct vma_merge_struct</c>, mm/vma.h).</summary>
internal struct VmAreaMerge
{
    /// <summary>First byte.</summary>
    public VirtAddr Start;

    /// <summary>First byte after the range.</summary>
    public VirtAddr End;

    /// <summary>Its flags.</summary>
    public VmFlags Flags;

    /// <summary>Its page offset at <see cref="Start"/>.</summary>
    public ulong PageOffset;

    /// <summary>Its file.</summary>
    public uint File;

    /// <summary>Its name.</summary>
    public uint NameId;

    /// <summary>Its anon_vma.</summary>
    public AnonVmaRef AnonVma;

    /// <summary>The VMA below.</summary>
    public VmAreaRef Previous;

    /// <summary>The existing VMA that the range is, or is a part of; none for a new range.</summary>
    public VmAreaRef Middle;

    /// <summary>The VMA above.</summary>
    public VmAreaRef Next;

    /// <summary>The VMA that mremap copies; none otherwise.</summary>
    public VmAreaRef CopiedFrom;

    /// <summary>Whether there was no memory to merge.</summary>
    public bool IsOutOfMemory;

    /// <summary>A range with a VMA's attributes.</summary>
    public VmAreaMerge(in VmArea like, VirtAddr start, VirtAddr end)
    {
        Start = start;
        End = end;
        Flags = like.Flags;
        PageOffset = like.PageIndexOf(start);
        File = like.File;
        NameId = like.NameId;
        AnonVma = like.AnonVma;
        Previous = Middle = Next = CopiedFrom = VmAreaRef.None;
        IsOutOfMemory = false;
    }

    /// <summary>A new range without private pages.</summary>
    public VmAreaMerge(VirtAddr start, VirtAddr end, VmFlags flags, ulong pageOffset, uint file)
    {
        Start = start;
        End = end;
        Flags = flags;
        PageOffset = pageOffset;
        File = file;
        NameId = 0;
        AnonVma = AnonVmaRef.None;
        Previous = Middle = Next = CopiedFrom = VmAreaRef.None;
        IsOutOfMemory = false;
    }
}
