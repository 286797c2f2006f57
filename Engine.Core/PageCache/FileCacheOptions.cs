namespace Engine.Core.PageCache;

/// <summary>How the page cache of a machine is set up.</summary>
public sealed record FileCacheOptions
{
    /// <summary>Whose readahead rules apply.</summary>
    public KernelRelease Release { get; init; } = KernelRelease.Linux69;
}
