using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <summary>How the page cache of a machine is set up.</summary>
public sealed record FileCacheOptions
{
    /// <summary>Whose readahead rules apply.</summary>
    public KernelRelease Release { get; init; } = KernelRelease.Linux69;

    /// <summary>
    /// Order of the folios that a fault in an executable mapping asks for, from Linux 6.17 on: 4 (64 KiB) on arm64, 0 on x86
    /// (<c>exec_folio_order</c>).
    /// </summary>
    public int ExecFolioOrder { get; init; } = 4;
}
