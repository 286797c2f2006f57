namespace Engine.Core.Migration;

/// <summary>How far compaction goes (<c>enum compact_priority</c>), by Linux's values: the lower, the more it does.</summary>
public enum CompactMode
{
    /// <summary>Every page, whatever it takes.</summary>
    SyncFull = 0,

    /// <summary>Waits for pages, but not for I/O.</summary>
    SyncLight = 1,

    /// <summary>Skips whatever would wait, and pageblocks of another type.</summary>
    Async = 2,
}
