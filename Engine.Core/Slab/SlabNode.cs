using System.Runtime.InteropServices;

namespace Engine.Core.Slab;

/// <summary>What a cache holds beyond its CPUs (<c>kmem_cache_node</c>), in the arena; changed under the cache's node lock.</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
internal unsafe struct SlabNode
{
    /// <summary>Bytes of the structure.</summary>
    public const int SizeBytes = 128;

    /// <summary>Frames that the barn may fill.</summary>
    public const int BarnPagesMax = 3;

    /// <summary>Slabs on the partial list (<c>nr_partial</c>).</summary>
    [FieldOffset(0)]
    public uint PartialSlabs;

    /// <summary>Head frame of the first slab on the partial list.</summary>
    [FieldOffset(4)]
    public uint PartialFirst;

    /// <summary>Head frame of the last slab on the partial list.</summary>
    [FieldOffset(8)]
    public uint PartialLast;

    /// <summary>Head frame of the first full slab; kept for debug caches only (<c>full</c>).</summary>
    [FieldOffset(12)]
    public uint FullFirst;

    /// <summary>Head frame of the last full slab.</summary>
    [FieldOffset(16)]
    public uint FullLast;

    /// <summary>Full slabs on the list.</summary>
    [FieldOffset(20)]
    public uint FullSlabs;

    /// <summary>Slabs that exist (<c>nr_slabs</c>).</summary>
    [FieldOffset(24)]
    public ulong Slabs;

    /// <summary>Objects in all slabs (<c>total_objects</c>).</summary>
    [FieldOffset(32)]
    public ulong Objects;

    /// <summary>Frames in all slabs.</summary>
    [FieldOffset(40)]
    public ulong Pages;

    /// <summary>Full chunks of object addresses in the barn.</summary>
    [FieldOffset(48)]
    public uint BarnChunks;

    /// <summary>The barn's frames, as numbers; <see cref="Units.Pfn.None"/> where not yet there.</summary>
    [FieldOffset(52)]
    public fixed uint BarnPages[BarnPagesMax];

    /// <summary>State of the generator that shuffles the freelists of new slabs.</summary>
    [FieldOffset(64)]
    public ulong ShuffleState;
}
