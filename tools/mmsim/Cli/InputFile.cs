using System.Text;
using ICSharpCode.SharpZipLib;
using ICSharpCode.SharpZipLib.GZip;
using ZstdSharp;

namespace Mmsim.Cli;

/// <summary>
/// An input as the user named it: plain, zstd or gzip, recognised by its first bytes; <c>-</c> is standard input.
/// Reading gives the decompressed bytes.
/// </summary>
public sealed class InputFile : IDisposable
{
    private const int StreamBufferBytes = 64 << 10;
    private const int MagicBytesMax = 16;

    private readonly PeekStream stored;
    private readonly Stream content;
    private readonly byte[] head = new byte[MagicBytesMax];
    private readonly int headBytes;
    private int headTaken;

    private InputFile(string name, PeekStream stored, long? storedBytes)
    {
        Name = name;
        this.stored = stored;
        StoredBytes = storedBytes;

        // The framework's own gzip stream takes a file that is cut off for one that ends.
        ReadOnlySpan<byte> magic = stored.Peek();
        content = magic.StartsWith((ReadOnlySpan<byte>)[0x28, 0xb5, 0x2f, 0xfd]) ? new DecompressionStream(stored, StreamBufferBytes, leaveOpen: false)
            : magic.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b]) ? new GZipInputStream(stored, StreamBufferBytes)
            : stored;
        try
        {
            headBytes = ReadFully(head);
        }
        catch (InputException)
        {
            Dispose();
            throw;
        }

        headTaken = 0;
    }

    /// <summary>The name as the user gave it, for messages; standard input is called so.</summary>
    public string Name { get; }

    /// <summary>The length of the file as it is stored, or null for a pipe.</summary>
    public long? StoredBytes { get; }

    /// <summary>How far the stored file has been read, in bytes.</summary>
    public long Position => stored.TakenBytes;

    /// <summary>The first bytes of the decompressed content; reading gives them again.</summary>
    public ReadOnlySpan<byte> Head => head.AsSpan(0, headBytes);

    /// <summary>Opens a file.</summary>
    /// <param name="path">A path, or <c>-</c> for standard input.</param>
    /// <exception cref="InputException">There is no such file, or it cannot be read.</exception>
    public static InputFile Open(string path)
    {
        if (path == "-")
        {
            return new InputFile("standard input", new PeekStream(Console.OpenStandardInput()), null);
        }

        try
        {
            FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, StreamBufferBytes, FileOptions.SequentialScan);
            return new InputFile(path, new PeekStream(file), file.CanSeek ? file.Length : null);
        }
        catch (Exception error) when (FileProblem.Is(error))
        {
            throw FileProblem.Unreadable(path, error);
        }
    }

    /// <summary>Reads from memory as from a file.</summary>
    /// <param name="name">For messages.</param>
    /// <param name="content">Plain or compressed.</param>
    public static InputFile FromBytes(string name, byte[] content) => new(name, new PeekStream(new MemoryStream(content, writable: false)), content.Length);

    /// <summary>Reads decompressed bytes.</summary>
    /// <returns>How many; 0 only at the end.</returns>
    /// <exception cref="InputException">The file is damaged or cut off.</exception>
    public int Read(Span<byte> buffer)
    {
        if (headTaken < headBytes && buffer.Length > 0)
        {
            int count = Math.Min(headBytes - headTaken, buffer.Length);
            head.AsSpan(headTaken, count).CopyTo(buffer);
            headTaken += count;
            return count;
        }

        try
        {
            return content.Read(buffer);
        }
        catch (Exception error) when (error is EndOfStreamException || (error is SharpZipBaseException && error.Message.Contains("EOF", StringComparison.Ordinal)))
        {
            throw new InputException(Name, null, "the compressed file is cut off");
        }
        catch (Exception error) when (error is ZstdException or SharpZipBaseException)
        {
            throw new InputException(Name, null, $"the compressed file is damaged: {error.Message}");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new InputException(Name, null, $"cannot be read: {error.Message}");
        }
    }

    /// <summary>Reads until the buffer is full or the file ends.</summary>
    /// <returns>How many bytes were read.</returns>
    public int ReadFully(Span<byte> buffer)
    {
        int used = 0;
        while (used < buffer.Length)
        {
            int count = Read(buffer[used..]);
            if (count == 0)
            {
                break;
            }

            used += count;
        }

        return used;
    }

    /// <summary>Reads all that is left.</summary>
    /// <exception cref="InputException">It is damaged, or too long to be kept in memory.</exception>
    public byte[] ReadToEnd()
    {
        const int PieceBytes = 1 << 20;
        using MemoryStream all = new();
        byte[] piece = new byte[PieceBytes];
        for (int count = ReadFully(piece); count > 0; count = ReadFully(piece))
        {
            if (all.Length > Array.MaxLength - PieceBytes)
            {
                throw new InputException(Name, null, "is too long to be kept in memory", "a file instead of a pipe");
            }

            all.Write(piece, 0, count);
        }

        return all.ToArray();
    }

    /// <summary>Reads all that is left as lines of UTF-8 text.</summary>
    /// <exception cref="InputException">It is damaged, or too long to be kept in memory.</exception>
    public string[] ReadLines()
    {
        string[] lines = Encoding.UTF8.GetString(ReadToEnd()).Split('\n');
        return lines[^1].Length == 0 ? lines[..^1] : lines;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        content.Dispose();
        stored.Dispose();
    }
}
