using System.IO.Compression;
using Mmsim.Cli;
using ZstdSharp;

namespace Mmsim.Readahead;

/// <summary>Opens a recording: plain, zstd or gzip, recognised by its first bytes; <c>-</c> is standard input.</summary>
internal static class RecordingInput
{
    private const uint ZstdMagic = 0xFD2FB528;
    private const uint GzipMagic = 0x8B1F;

    /// <summary>Reads all accesses of a recording.</summary>
    /// <exception cref="InputException">It cannot be read, or is not of that form.</exception>
    public static IReadOnlyList<RecordedAccess> Read(string path)
    {
        string name = path == "-" ? "standard input" : path;
        try
        {
            using MemoryStream stored = new();
            using (Stream input = path == "-" ? Console.OpenStandardInput() : File.OpenRead(path))
            {
                input.CopyTo(stored);
            }

            stored.Position = 0;
            uint magic = stored.Length < sizeof(uint) ? 0 : BitConverter.ToUInt32(stored.GetBuffer());
            using Stream content = magic == ZstdMagic ? new DecompressionStream(stored)
                : (magic & 0xFFFF) == GzipMagic ? new GZipStream(stored, CompressionMode.Decompress) : stored;
            using StreamReader text = new(content);
            return ReadaheadRecording.Parse(text, name);
        }
        catch (Exception error) when (error is ZstdException or InvalidDataException or EndOfStreamException)
        {
            throw new InputException(name, null, $"damaged compressed file: {error.Message}");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new InputException(name, null, error.Message);
        }
    }
}
