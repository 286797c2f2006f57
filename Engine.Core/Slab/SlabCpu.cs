using System.Runtime.InteropServices;

namespace Engine.Core.Slab;

/// <summary>
/// What one CPU holds of one cache (<c>kmem_cache_cpu</c>), in the arena. Behind it lies the CPU's object stack:
/// as many addresses as the cache's stack capacity says.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
internal struct SlabCpu
{
    /// <summary>Bytes before the object stack: one cache line.</summary>
    public const int SizeBytes = 64;

    /// <summary>Addresses on the object stack.</summary>
    [FieldOffset(0)]
    public uint Count;

    /// <summary>Head frame of the CPU slab, as a number; <see cref="Units.Pfn.None"/> where there is none.</summary>
    [FieldOffset(4)]
    public uint Slab;

    /// <summary>The first free object of the CPU slab (<c>freelist</c>); 0 where there is none.</summary>
    [FieldOffset(8)]
    public ulong FreeList;

    /// <summary>Head frame of the first slab on the CPU's partial list (<c>partial</c>).</summary>
    [FieldOffset(16)]
    public uint Partial;

    /// <summary>Slabs on the CPU's partial list.</summary>
    [FieldOffset(20)]
    public uint PartialSlabs;

    /// <summary>The CPU slab's first byte, so that a free recognises its objects by two compares.</summary>
    [FieldOffset(24)]
    public ulong SlabStart;

    /// <summary>The CPU slab's length in bytes.</summary>
    [FieldOffset(32)]
    public ulong SlabBytes;

    /// <summary>Objects handed out since boot that did not come from the stack's top.</summary>
    [FieldOffset(40)]
    public ulong SlowAllocations;

    /// <summary>Frees that did not go to the stack's top.</summary>
    [FieldOffset(48)]
    public ulong SlowFrees;

    /// <summary>
    /// The tag that slabs of the preferred order on the CPU's own NUMA node carry: only their objects go to the stack. It lies right
    /// below the stack, and is no object's address.
    /// </summary>
    [FieldOffset(56)]
    public ulong LocalTag;
}
