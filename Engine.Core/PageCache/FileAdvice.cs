namespace Engine.Core.PageCache;

/// <summary>What a program says about a file (<c>posix_fadvise</c>, mm/fadvise.c); Linux's numbers.</summary>
public enum FileAdvice
{
    /// <summary>Nothing special (<c>POSIX_FADV_NORMAL</c>).</summary>
    Normal = 0,

    /// <summary>No readahead (<c>POSIX_FADV_RANDOM</c>).</summary>
    Random = 1,

    /// <summary>Twice the window (<c>POSIX_FADV_SEQUENTIAL</c>).</summary>
    Sequential = 2,

    /// <summary>Read the range now (<c>POSIX_FADV_WILLNEED</c>).</summary>
    WillNeed = 3,

    /// <summary>Drop the range (<c>POSIX_FADV_DONTNEED</c>).</summary>
    DontNeed = 4,

    /// <summary>Each page will be used once (<c>POSIX_FADV_NOREUSE</c>).</summary>
    NoReuse = 5,
}
