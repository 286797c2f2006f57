using System.Runtime.InteropServices;

namespace Engine.Core.PageCache;

/// <summary>
/// The part of a file that lives in the arena (<c>struct address_space</c> with the size of its inode): 192 bytes
/// from the slab <c>address_space</c>.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
internal struct AddressSpaceRecord
{
    public const int SizeBytes = 192;

    /// <summary>The file's number, as descriptors of its pages carry it (<c>host</c>).</summary>
    [FieldOffset(0)]
    public ulong MappingId;

    /// <summary>Root of the page index: a <see cref="RadixEntry"/> (<c>i_pages.xa_head</c>).</summary>
    [FieldOffset(8)]
    public ulong Root;

    /// <summary>A bit for each <see cref="PageMark"/> that anything in the index carries (<c>i_pages.xa_flags</c>).</summary>
    [FieldOffset(16)]
    public uint RootMarks;

    /// <summary>Pages in the cache (<c>nrpages</c>).</summary>
    [FieldOffset(24)]
    public ulong CachedPages;

    /// <summary>Length of the file in bytes (<c>i_size</c>).</summary>
    [FieldOffset(32)]
    public ulong LengthBytes;

    /// <summary>Dirty pages in the cache (the file's part of <c>NR_FILE_DIRTY</c>).</summary>
    [FieldOffset(48)]
    public ulong DirtyPages;

    /// <summary>Pages of shared memory in swap space (<c>info->swapped</c>).</summary>
    [FieldOffset(56)]
    public ulong SwappedPages;

    /// <summary>Where the next round of write-back starts (<c>writeback_index</c>).</summary>
    [FieldOffset(40)]
    public ulong WritebackIndex;
}
