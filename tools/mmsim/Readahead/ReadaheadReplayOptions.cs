using Engine.Core.PageCache;
using Engine.Core.Units;

namespace Mmsim.Readahead;

/// <summary>What a replay needs to know beside the accesses.</summary>
public sealed record ReadaheadReplayOptions
{
    /// <summary>The device's readahead window in pages (<c>read_ahead_kb</c> / 4).</summary>
    public uint RaPages { get; init; } = ReadaheadState.DefaultPages;

    /// <summary>Pages in one request to the device (<c>max_sectors_kb</c> / 4).</summary>
    public uint IoPages { get; init; } = 320;

    /// <summary>Pages that one access reads.</summary>
    public uint PagesPerAccess { get; init; } = 1;

    /// <summary>Pages in the file.</summary>
    public ulong FilePages { get; init; } = 16384;

    /// <summary>posix_fadvise's or madvise's word.</summary>
    public MmapAdvice Advice { get; init; }

    /// <summary>Open descriptors, which the accesses use in turn.</summary>
    public int Descriptors { get; init; } = 1;

    /// <summary>Whose rules.</summary>
    public KernelRelease Release { get; init; } = KernelRelease.Linux618;

    /// <summary>Order of the largest folio; 0 for single pages.</summary>
    public int FolioOrderMax { get; init; } = 9;
}
