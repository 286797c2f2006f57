namespace Engine.Arm64.Processes;

/// <summary>How an open file may be mapped.</summary>
[Flags]
public enum MappedFileModes
{
    /// <summary>Not at all.</summary>
    None = 0,

    /// <summary>Opened for reading (<c>FMODE_READ</c>).</summary>
    Read = 1,

    /// <summary>Opened for writing (<c>FMODE_WRITE</c>).</summary>
    Write = 2,

    /// <summary>On a file system mounted noexec.</summary>
    NoExec = 4,

    /// <summary>An append-only inode.</summary>
    Append = 8,

    /// <summary>The file system places mappings of 2 MiB and more so that huge pages fit (<c>thp_get_unmapped_area</c>: ext4, XFS, Btrfs).</summary>
    AlignsHugePages = 16,

    /// <summary>Has no mmap operation (a directory, a pipe).</summary>
    NoMap = 32,

    /// <summary>A regular file that can be read and written.</summary>
    ReadWrite = Read | Write,
}
