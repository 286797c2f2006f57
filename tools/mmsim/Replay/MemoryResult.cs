namespace Mmsim.Replay;

/// <summary>The machine's memory at the end of a replay.</summary>
internal sealed record MemoryResult
{
    /// <summary>RAM in bytes.</summary>
    public required ulong TotalBytes { get; init; }

    /// <summary>Resident pages of the process.</summary>
    public required ulong RssPages { get; init; }

    /// <summary>Resident pages that are anonymous.</summary>
    public required ulong RssAnonymousPages { get; init; }

    /// <summary>Page-table pages of the process, its root not counted (<c>mm_pgtables_bytes</c>).</summary>
    public required ulong PageTablePages { get; init; }

    /// <summary>Pages in the page cache.</summary>
    public required ulong CachedPages { get; init; }

    /// <summary>What the kernel's own bookkeeping takes, by name, in bytes.</summary>
    public required IReadOnlyList<(string Name, ulong Bytes)> Metadata { get; init; }

    /// <summary>Bytes in <see cref="Metadata"/>.</summary>
    public ulong MetadataBytes => Metadata.Aggregate(0UL, (sum, part) => sum + part.Bytes);

    /// <summary>The same as the trace went on, oldest first; the first sample is before the first record.</summary>
    public required IReadOnlyList<MetadataSample> MetadataSamples { get; init; }

    /// <summary>Free pages, those on per-CPU lists not among them.</summary>
    public required ulong FreePages { get; init; }

    /// <summary>Free blocks by order for each zone, as <c>/proc/buddyinfo</c> prints them.</summary>
    public required IReadOnlyList<BuddyinfoRow> Buddyinfo { get; init; }
}
