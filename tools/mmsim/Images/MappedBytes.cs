using System.IO.MemoryMappedFiles;

namespace Mmsim.Images;

/// <summary>A file on disk, mapped: a dump may be larger than the host's memory.</summary>
internal sealed class MappedBytes : ImageBytes
{
    private readonly MemoryMappedFile file;
    private readonly MemoryMappedViewAccessor view;

    /// <summary>Maps a file that is not empty.</summary>
    public MappedBytes(string path)
    {
        LengthBytes = new FileInfo(path).Length;
        file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
    }

    /// <inheritdoc/>
    public override long LengthBytes { get; }

    /// <inheritdoc/>
    public override ulong ReadUInt64(long offset) => view.ReadUInt64(offset);

    /// <inheritdoc/>
    public override void Dispose()
    {
        view.Dispose();
        file.Dispose();
    }
}
