using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <summary>What a file's file system and device allow.</summary>
public sealed record FileMappingOptions
{
    /// <summary>
    /// Order of the largest folio, 0..9: 0 where the file system has none but single pages
    /// (<c>mapping_set_large_folios</c>, <c>MAX_PAGECACHE_ORDER</c>).
    /// </summary>
    public int FolioOrderMax { get; init; }

    /// <summary>
    /// Order of the smallest folio, 0 up to <see cref="FolioOrderMax"/>: above 0 each folio is aligned to this size in the file and may reach
    /// beyond its end (<c>mapping_set_folio_min_order</c>, since Linux 6.12 for file systems with large blocks).
    /// </summary>
    public int FolioOrderMin { get; init; }

    /// <summary>The device's readahead window in pages (<c>read_ahead_kb</c> / 4).</summary>
    public uint RaPages { get; init; } = ReadaheadState.DefaultPages;

    /// <summary>Pages in one request to the device (<c>bdi-&gt;io_pages</c>: <c>max_sectors_kb</c> / 4).</summary>
    public uint IoPages { get; init; } = (1280 << 10) >> Pfn.PageShift;
}
