using Mmsim.Cli;

namespace Mmsim.Readahead;

/// <summary>Opens a recording: plain, zstd or gzip, recognised by its first bytes; <c>-</c> is standard input.</summary>
internal static class RecordingInput
{
    private const int ChunkBytes = 64 << 10;

    /// <summary>Reads all accesses of a recording.</summary>
    /// <exception cref="InputException">It cannot be read, or is not of that form.</exception>
    public static IReadOnlyList<RecordedAccess> Read(string path)
    {
        using InputFile input = InputFile.Open(path);
        using MemoryStream content = new();
        byte[] chunk = new byte[ChunkBytes];
        for (int got = input.Read(chunk); got > 0; got = input.Read(chunk))
        {
            content.Write(chunk, 0, got);
        }

        content.Position = 0;
        using StreamReader text = new(content);
        return ReadaheadRecording.Parse(text, input.Name);
    }
}
