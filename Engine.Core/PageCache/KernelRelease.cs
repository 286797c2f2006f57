namespace Engine.Core.PageCache;

/// <summary>Whose readahead rules apply, where releases differ.</summary>
public enum KernelRelease
{
    /// <summary>Linux 6.9.</summary>
    Linux69,

    /// <summary>Linux 6.18.</summary>
    Linux618,
}
