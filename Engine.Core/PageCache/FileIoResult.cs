namespace Engine.Core.PageCache;

/// <summary>How a read, a write or a write-back of a file ended.</summary>
public enum FileIoResult
{
    /// <summary>All that lies within the file was done.</summary>
    Done,

    /// <summary>The backing could not be read or written (<c>EIO</c>).</summary>
    InputOutputError,

    /// <summary>No frame could be had (<c>ENOMEM</c>).</summary>
    OutOfMemory,

    /// <summary>The place or length is beyond what a file can have (<c>EFBIG</c>).</summary>
    TooBig,
}
