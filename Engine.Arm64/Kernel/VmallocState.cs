using System.Runtime.InteropServices;

namespace Engine.Arm64.Kernel;

/// <summary>The words that vmalloc keeps beside its areas, in the arena.</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
internal struct VmallocState
{
    /// <summary>Bytes of the structure.</summary>
    public const int SizeBytes = 64;

    /// <summary>Where the root of the free ranges lies in the structure.</summary>
    public const int FreeRootOffset = 0;

    /// <summary>Where the root of the areas in use lies in the structure.</summary>
    public const int BusyRootOffset = 8;

    /// <summary>Where a word lies that stands in for one that cannot be reached.</summary>
    public const int ScratchOffset = 48;

    /// <summary>Root of the free ranges (<c>free_vmap_area_root</c>).</summary>
    [FieldOffset(FreeRootOffset)]
    public ulong FreeRoot;

    /// <summary>Root of the areas in use (<c>busy</c>).</summary>
    [FieldOffset(BusyRootOffset)]
    public ulong BusyRoot;

    /// <summary>First area that is unmapped but not yet flushed (<c>lazy</c>).</summary>
    [FieldOffset(16)]
    public ulong LazyFirst;

    /// <summary>Pages in lazily freed areas, guard pages included (<c>vmap_lazy_nr</c>).</summary>
    [FieldOffset(24)]
    public ulong LazyPages;

    /// <summary>Pages that vmalloc owns (<c>nr_vmalloc_pages</c>).</summary>
    [FieldOffset(32)]
    public ulong Pages;

    /// <summary>Lazily freed areas.</summary>
    [FieldOffset(40)]
    public ulong LazyAreas;

    /// <summary>Stands in for a word that corruption made unreachable.</summary>
    [FieldOffset(ScratchOffset)]
    public ulong Scratch;
}
