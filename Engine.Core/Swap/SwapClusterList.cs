namespace Engine.Core.Swap;

/// <summary>The lists of a swap area's clusters.</summary>
internal enum SwapClusterList : uint
{
    /// <summary>None: a CPU takes slots from it, or all its slots are in use.</summary>
    None,

    /// <summary>No slot is in use (<c>free_clusters</c>).</summary>
    Free,

    /// <summary>Some are (<c>nonfull_clusters</c>).</summary>
    Partial,
}
