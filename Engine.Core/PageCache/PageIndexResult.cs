namespace Engine.Core.PageCache;

/// <summary>How a store into a <see cref="PageIndex"/> ended.</summary>
internal enum PageIndexResult
{
    /// <summary>Stored.</summary>
    Done,

    /// <summary>Something is there already.</summary>
    Occupied,

    /// <summary>No memory for a node; nothing has changed.</summary>
    OutOfMemory,
}
