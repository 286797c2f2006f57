namespace Engine.Core.Swap;

/// <summary>The lists of a swap area's clusters.</summary>
internal enum SwapClusterList : uint
{
    /// <summary>None: a CPU takes slots from it, or all its slots are in use.</summary>
    None,

    /// <summary>No slot is in use, and all can be (<c>free_clusters</c>).</summary>
    Free,

    /// <summary>Some slots are free; the first of one such list for each order of folios that the cluster serves (<c>nonfull_clusters</c>).</summary>
    Partial,
}
