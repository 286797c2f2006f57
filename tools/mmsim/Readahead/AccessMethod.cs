namespace Mmsim.Readahead;

/// <summary>How a recording's access reaches the file.</summary>
public enum AccessMethod
{
    /// <summary><c>pread</c>.</summary>
    Read,

    /// <summary>A one-byte read through a shared mapping.</summary>
    Touch,
}
