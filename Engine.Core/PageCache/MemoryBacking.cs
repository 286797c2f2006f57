using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <summary>A file kept in memory of the host: pages that were never written read as zero.</summary>
public sealed class MemoryBacking : IBackingStore
{
    private readonly Dictionary<ulong, byte[]> pages = [];

    /// <summary>Creates a sparse file of zeroes.</summary>
    /// <param name="lengthBytes">Bytes in the file.</param>
    public MemoryBacking(ulong lengthBytes) => LengthBytes = lengthBytes;

    /// <summary>Creates a file with a content.</summary>
    /// <param name="content">The file's bytes; they are copied.</param>
    public MemoryBacking(ReadOnlySpan<byte> content)
    {
        LengthBytes = (ulong)content.Length;
        for (int start = 0; start < content.Length; start += Pfn.PageSizeBytes)
        {
            byte[] page = new byte[Pfn.PageSizeBytes];
            content[start..Math.Min(content.Length, start + Pfn.PageSizeBytes)].CopyTo(page);
            pages[(ulong)start >> Pfn.PageShift] = page;
        }
    }

    /// <inheritdoc/>
    public ulong LengthBytes { get; private set; }

    /// <inheritdoc/>
    public bool IsPersistent => true;

    /// <inheritdoc/>
    public bool ReadPage(ulong pageIndex, Span<byte> destination)
    {
        if (pages.TryGetValue(pageIndex, out byte[]? page))
        {
            page.CopyTo(destination);
        }
        else
        {
            destination[..Pfn.PageSizeBytes].Clear();
        }

        return true;
    }

    /// <inheritdoc/>
    public bool WritePage(ulong pageIndex, ReadOnlySpan<byte> source)
    {
        WrittenPages.Write(pages, pageIndex, source, LengthBytes);
        return true;
    }

    /// <inheritdoc/>
    public bool Resize(ulong lengthBytes)
    {
        if (lengthBytes < LengthBytes)
        {
            WrittenPages.CutTo(pages, lengthBytes);
        }

        LengthBytes = lengthBytes;
        return true;
    }

    /// <inheritdoc/>
    public bool PunchHole(ulong firstPage, ulong pageCount)
    {
        foreach (ulong index in pages.Keys.Where(index => index >= firstPage && index - firstPage < pageCount).ToArray())
        {
            pages.Remove(index);
        }

        return true;
    }

    /// <inheritdoc/>
    public bool IsHole(ulong pageIndex) => !pages.ContainsKey(pageIndex);
}
