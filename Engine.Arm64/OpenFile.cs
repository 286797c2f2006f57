using Engine.Arm64.Processes;
using Engine.Core.PageCache;

namespace Engine.Arm64;

/// <summary>An open file description (<c>struct file</c>): a file's cached pages, and what readahead remembers of this opening.</summary>
public sealed class OpenFile
{
    /// <summary>The minor number of the device: the first partition, or the kernel's own tmpfs; both are 1.</summary>
    public const int DeviceMinor = 1;

    private ReadaheadState readahead;

    internal OpenFile(uint id, string name, FileMapping mapping, MappedFileModes modes)
    {
        Id = id;
        Name = name;
        Mapping = mapping;
        Modes = modes;
        readahead = mapping.OpenState();
    }

    /// <summary>The number that VMAs know it by, from 1.</summary>
    public uint Id { get; }

    /// <summary>The path, as <c>/proc/PID/maps</c> prints it.</summary>
    public string Name { get; }

    /// <summary>The file's pages in the page cache.</summary>
    public FileMapping Mapping { get; }

    /// <summary>The inode's number: the same for all openings of a file.</summary>
    public ulong Inode => Mapping.Id;

    /// <summary>The major number of the device that the file is on: a disk (8), or none for shared memory.</summary>
    public int DeviceMajor => Mapping.IsShmem ? 0 : 8;

    /// <summary>Whether it is no file but pages of the kernel that processes map (<c>_install_special_mapping</c>), such as the vDSO.</summary>
    public bool IsSpecialMapping { get; internal init; }

    /// <summary>How it may be mapped.</summary>
    public MappedFileModes Modes { get; }

    /// <summary>What readahead remembers of this opening; a read of the file goes with it.</summary>
    public ref ReadaheadState Readahead => ref readahead;

    // The VMAs that map this opening, chained through VmArea.FileNext (i_mmap).
    internal VmAreaRef FirstArea { get; set; } = VmAreaRef.None;

    /// <summary>The file as mmap takes it.</summary>
    public MappedFile ToMappedFile() => new(Id, Modes);
}
