using Engine.Core.PageCache;

namespace Engine.Arm64;

/// <summary>An open file description (<c>struct file</c>): a file's cached pages, and what readahead remembers of this opening.</summary>
public sealed class OpenFile
{
    internal OpenFile(uint id, string name, FileMapping mapping)
    {
        Id = id;
        Name = name;
        Mapping = mapping;
        readahead = ReadaheadState.ForFile();
    }

    /// <summary>The number that VMAs know it by, from 1.</summary>
    public uint Id { get; }

    /// <summary>The path, as <c>/proc/PID/maps</c> prints it.</summary>
    public string Name { get; }

    /// <summary>The file's pages in the page cache.</summary>
    public FileMapping Mapping { get; }

    internal ref ReadaheadState Readahead => ref readahead;

    private ReadaheadState readahead;
}
