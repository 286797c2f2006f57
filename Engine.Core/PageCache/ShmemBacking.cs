using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <summary>
/// Nothing behind the pages: shared anonymous memory, memfd, tmpfs (mm/shmem.c). A page that is not cached is all zero,
/// there is no input or output, and dirty pages are never written back.
/// </summary>
public sealed class ShmemBacking : IBackingStore
{
    /// <summary>Creates an empty object.</summary>
    /// <param name="lengthBytes">Its length in bytes.</param>
    public ShmemBacking(ulong lengthBytes) => LengthBytes = lengthBytes;

    /// <inheritdoc/>
    public ulong LengthBytes { get; private set; }

    /// <inheritdoc/>
    public bool IsPersistent => false;

    /// <inheritdoc/>
    public bool ReadPage(ulong pageIndex, Span<byte> destination)
    {
        destination[..Pfn.PageSizeBytes].Clear();
        return true;
    }

    /// <inheritdoc/>
    public bool WritePage(ulong pageIndex, ReadOnlySpan<byte> source) => false;

    /// <inheritdoc/>
    public bool Resize(ulong lengthBytes)
    {
        LengthBytes = lengthBytes;
        return true;
    }

    /// <inheritdoc/>
    public bool PunchHole(ulong firstPage, ulong pageCount) => true;
}
