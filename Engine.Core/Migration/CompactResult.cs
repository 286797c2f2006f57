namespace Engine.Core.Migration;

/// <summary>How a compaction ended (<c>enum compact_result</c>).</summary>
public enum CompactResult
{
    /// <summary>Not tried: too little memory to move into, or fragmentation is not what is wrong.</summary>
    Skipped,

    /// <summary>Not tried: it failed lately.</summary>
    Deferred,

    /// <summary>The scanners met without a block of the wanted order.</summary>
    Complete,

    /// <summary>A block of the wanted order is free.</summary>
    Success,
}
