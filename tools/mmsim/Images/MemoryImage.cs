namespace Mmsim.Images;

/// <summary>The physical memory of a machine as one or more image files hold it. Where files overlap, the one named first counts.</summary>
internal sealed class MemoryImage : IDisposable
{
    private readonly ImageFile[] files;

    private MemoryImage(ImageFile[] files) => this.files = files;

    /// <summary>Pages of 4 KiB that the files hold.</summary>
    public long PageCount
    {
        get
        {
            ulong bytes = 0;
            foreach (ImageFile file in files)
            {
                foreach (ImageSegment segment in file.Segments)
                {
                    bytes = unchecked(bytes + segment.LengthBytes);
                }
            }

            return (long)(bytes >> 12);
        }
    }

    /// <summary>Opens the files.</summary>
    /// <param name="specs">Each <c>FILE</c> or <c>FILE@ADDRESS</c>.</param>
    /// <exception cref="Cli.InputException">A file is missing, damaged or of no known kind.</exception>
    public static MemoryImage Open(IReadOnlyList<string> specs)
    {
        List<ImageFile> opened = [];
        try
        {
            foreach (string spec in specs)
            {
                opened.Add(ImageFile.Open(spec));
            }
        }
        catch
        {
            opened.ForEach(file => file.Dispose());
            throw;
        }

        return new MemoryImage([.. opened]);
    }

    /// <summary>Reads eight bytes.</summary>
    public bool TryRead(ulong address, out ulong value)
    {
        foreach (ImageFile file in files)
        {
            if (file.TryRead(address, out value))
            {
                return true;
            }
        }

        value = 0;
        return false;
    }

    /// <inheritdoc/>
    public void Dispose() => Array.ForEach(files, file => file.Dispose());
}
