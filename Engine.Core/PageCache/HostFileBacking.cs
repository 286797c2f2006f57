using Engine.Core.Units;
using Microsoft.Win32.SafeHandles;

namespace Engine.Core.PageCache;

/// <summary>
/// A file of the host. It is read and written only when the simulated system reads or writes a page back. What happens to it on the host meanwhile shows
/// like a change on the device below a file system: the length stays that of the opening, bytes that the host has cut off read as zero, and a file
/// that was deleted or replaced stays the one that was opened.
/// </summary>
public sealed class HostFileBacking : IBackingStore, IDisposable
{
    private static readonly byte[] ZeroPage = new byte[Pfn.PageSizeBytes];

    private readonly SafeFileHandle handle;

    /// <summary>Opens a file.</summary>
    /// <param name="path">The file; it must exist.</param>
    /// <param name="access">How it is opened. With <see cref="FileAccess.Read"/> writing back fails with an output error.</param>
    /// <exception cref="IOException">The host cannot open it, or it has no length, as a pipe.</exception>
    /// <exception cref="UnauthorizedAccessException">The host does not allow it, or it is a folder.</exception>
    public HostFileBacking(string path, FileAccess access = FileAccess.Read)
    {
        handle = File.OpenHandle(path, FileMode.Open, access, FileShare.ReadWrite);
        try
        {
            LengthBytes = (ulong)RandomAccess.GetLength(handle);
        }
        catch (NotSupportedException error)
        {
            handle.Dispose();
            throw new IOException($"{path} has no length", error);
        }
    }

    /// <inheritdoc/>
    public ulong LengthBytes { get; private set; }

    /// <inheritdoc/>
    public bool IsPersistent => true;

    /// <inheritdoc/>
    public bool ReadPage(ulong pageIndex, Span<byte> destination)
    {
        Span<byte> rest = destination[..Pfn.PageSizeBytes];
        long offset = (long)(pageIndex << Pfn.PageShift);
        try
        {
            while (!rest.IsEmpty)
            {
                int got = RandomAccess.Read(handle, rest, offset);
                if (got == 0)
                {
                    break;
                }

                rest = rest[got..];
                offset += got;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }

        rest.Clear();
        return true;
    }

    /// <inheritdoc/>
    public bool WritePage(ulong pageIndex, ReadOnlySpan<byte> source)
    {
        ulong start = pageIndex << Pfn.PageShift;
        if (start >= LengthBytes)
        {
            return true;
        }

        try
        {
            RandomAccess.Write(handle, source[..(int)Math.Min(Pfn.PageSizeBytes, LengthBytes - start)], (long)start);
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public bool Resize(ulong lengthBytes)
    {
        try
        {
            RandomAccess.SetLength(handle, (long)lengthBytes);
            LengthBytes = lengthBytes;
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentOutOfRangeException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public bool PunchHole(ulong firstPage, ulong pageCount)
    {
        ulong pagesInFile = (LengthBytes + Pfn.PageSizeBytes - 1) >> Pfn.PageShift;
        for (ulong index = firstPage; index < pagesInFile && index - firstPage < pageCount; index++)
        {
            if (!WritePage(index, ZeroPage))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => handle.Dispose();
}
