using System.Runtime.InteropServices;

namespace Engine.Arm64.Kernel;

/// <summary>A range of kernel addresses, free or in use (<c>struct vmap_area</c>), in the arena. Links are physical addresses; 0 is none.</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
internal struct VmapArea
{
    /// <summary>Bytes of the structure, as in Linux.</summary>
    public const int SizeBytes = 72;

    /// <summary>First address.</summary>
    [FieldOffset(0)]
    public ulong Start;

    /// <summary>First address behind the range, guard page included.</summary>
    [FieldOffset(8)]
    public ulong End;

    /// <summary>The child with lower addresses.</summary>
    [FieldOffset(16)]
    public ulong Left;

    /// <summary>The child with higher addresses.</summary>
    [FieldOffset(24)]
    public ulong Right;

    /// <summary>The longest range in this subtree, in bytes (<c>subtree_max_size</c>).</summary>
    [FieldOffset(32)]
    public ulong LongestBytes;

    /// <summary>The next area on a lazy or pool list.</summary>
    [FieldOffset(40)]
    public ulong Next;

    /// <summary>The area's <see cref="VmStruct"/>; 0 once it is lazily freed.</summary>
    [FieldOffset(48)]
    public ulong Vm;

    /// <summary>The node whose pool gets the range back, plus one (<c>encode_vn_id</c>).</summary>
    [FieldOffset(56)]
    public uint PoolNodePlusOne;

    /// <summary>What the area is, where it has no <see cref="VmStruct"/> (<c>va->flags</c>).</summary>
    [FieldOffset(60)]
    public VmapAreaFlags Flags;

    /// <summary>The area's <see cref="VmapBlock"/>; 0 where it is none.</summary>
    [FieldOffset(64)]
    public ulong Block;
}
