namespace Engine.Core.PageCache;

/// <summary>
/// What holds a file's bytes when they are not in the page cache: the role of Linux's <c>address_space_operations</c>
/// and the device below it. A user attaches one to a <see cref="FileMapping"/>; it lives outside the arena.
/// </summary>
public interface IBackingStore
{
    /// <summary>Bytes in the file.</summary>
    public ulong LengthBytes { get; }

    /// <summary>
    /// Whether content outlives its page. False for shmem: a page that is not cached is all zero, no page is ever
    /// read or written back, and a dirty one stays (<c>shmem_aops</c>).
    /// </summary>
    public bool IsPersistent { get; }

    /// <summary>Reads one page (<c>read_folio</c>). Bytes beyond <see cref="LengthBytes"/> are zero.</summary>
    /// <param name="pageIndex">Place in the file, in pages of 4,096 bytes.</param>
    /// <param name="destination">4,096 bytes, all of which are written.</param>
    /// <returns>False on an input error (<c>EIO</c>).</returns>
    public bool ReadPage(ulong pageIndex, Span<byte> destination);

    /// <summary>Writes one page (<c>writepages</c>). Bytes beyond <see cref="LengthBytes"/> are ignored.</summary>
    /// <param name="pageIndex">Place in the file, in pages of 4,096 bytes.</param>
    /// <param name="source">4,096 bytes.</param>
    /// <returns>False on an output error (<c>EIO</c>).</returns>
    public bool WritePage(ulong pageIndex, ReadOnlySpan<byte> source);

    /// <summary>Sets the length (<c>ftruncate</c>): what is cut off is lost, what is added reads as zero.</summary>
    /// <param name="lengthBytes">The new length.</param>
    /// <returns>False on an output error; the length is unchanged then.</returns>
    public bool Resize(ulong lengthBytes);

    /// <summary>Forgets whole pages: they read as zero (<c>fallocate</c> with <c>PUNCH_HOLE</c>).</summary>
    /// <param name="firstPage">First page of the hole.</param>
    /// <param name="pageCount">Pages in the hole; what lies beyond the end is ignored.</param>
    /// <returns>False on an output error.</returns>
    public bool PunchHole(ulong firstPage, ulong pageCount);

    /// <summary>Whether a page has no block on the device, so that reading it takes no input (<c>ext4_mpage_readpages</c>).</summary>
    /// <param name="pageIndex">Place in the file, in pages of 4,096 bytes.</param>
    public bool IsHole(ulong pageIndex) => false;
}
