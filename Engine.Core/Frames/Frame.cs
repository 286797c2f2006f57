using System.Runtime.InteropServices;

namespace Engine.Core.Frames;

/// <summary>
/// The descriptor of one frame: the role of Linux's <c>struct page</c> (include/linux/mm_types.h), 64 bytes, in the arena.
/// All zero is the state that boot finds: unused, unreferenced, unmapped.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
public struct Frame
{
    /// <summary>Bytes in a descriptor: 1.5625 % of memory.</summary>
    public const int SizeBytes = 64;

    /// <summary>Page flags, Linux's bits (include/linux/page-flags.h).</summary>
    [FieldOffset(0)]
    public ulong Flags;

    /// <summary>The owner's link to the next frame (LRU, page list).</summary>
    [FieldOffset(8)]
    public ulong Next;

    /// <summary>The owner's link to the previous frame; in a tail page the head's frame number with bit 0 set.</summary>
    [FieldOffset(16)]
    public ulong Previous;

    /// <summary>Which file or anonymous mapping the frame belongs to.</summary>
    [FieldOffset(24)]
    public ulong Mapping;

    /// <summary>The page's place in its mapping, in pages.</summary>
    [FieldOffset(32)]
    public ulong Index;

    /// <summary>The owner's word: a slab's cache, a swap entry, an order.</summary>
    [FieldOffset(40)]
    public ulong Private;

    /// <summary>How many page-table entries map the frame. Linux stores it minus one; here zero is none, so that a zeroed descriptor is valid.</summary>
    [FieldOffset(48)]
    public int MapCount;

    /// <summary>References held; the frame is freed when the last goes.</summary>
    [FieldOffset(52)]
    public int RefCount;

    /// <summary>The memory cgroup that pays for the frame.</summary>
    [FieldOffset(56)]
    public ulong MemcgData;
}
