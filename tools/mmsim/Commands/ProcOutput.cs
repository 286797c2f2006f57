using System.Buffers.Binary;
using Engine.Core.Diagnostics.Procfs;
using Mmsim.Cli;

namespace Mmsim.Commands;

/// <summary>Prints files of <c>/proc</c> as they are, or as JSON.</summary>
internal static class ProcOutput
{
    private const ulong PrintedBytesMax = 1UL << 30;
    private const int ChunkBytes = 64 << 10;

    /// <summary>Prints the names of files, one a line.</summary>
    /// <param name="names">The names.</param>
    /// <param name="json">Where the report goes as JSON; null for none.</param>
    /// <param name="isQuiet">Whether nothing is printed.</param>
    public static void PrintNames(IReadOnlyList<string> names, string? json, bool isQuiet)
    {
        if (!isQuiet)
        {
            Console.Out.Write(string.Concat(names.Select(name => name + "\n")));
        }

        if (json is not null)
        {
            JsonReport.Write(json, writer =>
            {
                writer.WriteStartArray("files");
                foreach (string name in names)
                {
                    writer.WriteStringValue(name);
                }

                writer.WriteEndArray();
            });
        }
    }

    /// <summary>Prints text.</summary>
    /// <param name="name">The file's name.</param>
    /// <param name="text">Its content.</param>
    /// <param name="json">Where the report goes as JSON; null for none.</param>
    public static void PrintText(string name, string text, string? json)
    {
        if (json != "-")
        {
            Console.Out.Write(text);
        }

        if (json is not null)
        {
            JsonReport.Write(json, writer =>
            {
                writer.WriteString("name", name);
                writer.WriteString("text", text);
            });
        }
    }

    /// <summary>Prints bytes as they are.</summary>
    /// <inheritdoc cref="PrintText"/>
    public static void PrintBytes(string name, byte[] bytes, string? json)
    {
        if (json != "-")
        {
            OutputFile.Write("-", output => output.Write(bytes));
        }

        if (json is not null)
        {
            JsonReport.Write(json, writer =>
            {
                writer.WriteString("name", name);
                writer.WriteBase64String("base64", bytes);
            });
        }
    }

    /// <summary>Prints a part of a file of words. A pagemap has 2^36 of them, so a part must be named.</summary>
    /// <param name="name">The file's name.</param>
    /// <param name="file">The file.</param>
    /// <param name="from">Where the part begins, as the user wrote it; null for the start.</param>
    /// <param name="count">How long it is, as the user wrote it; null for the rest.</param>
    /// <param name="json">Where the report goes as JSON; null for none.</param>
    /// <exception cref="InputException">The part is not one of whole words, or too long.</exception>
    public static void PrintWords(string name, ProcWordFile file, string? from, string? count, string? json)
    {
        ulong total = file.WordCount * ProcWordFile.WordBytes;
        ulong offset = ParseMultiple(name, from, "--offset", 0);
        ulong rest = total - Math.Min(offset, total);
        ulong length = Math.Min(ParseMultiple(name, count, "--length", rest), rest);
        if (length > PrintedBytesMax)
        {
            throw new InputException($"/proc/{name} is {SizeText.Format(total)} long", "--offset and --length for a part, at most 1G");
        }

        if (json != "-")
        {
            OutputFile.Write("-", output => ForEachChunk(file, offset, length, output.Write));
        }

        if (json is not null)
        {
            JsonReport.Write(json, writer =>
            {
                writer.WriteString("name", name);
                writer.WriteNumber("offset", offset);
                writer.WriteStartArray("words");
                ForEachChunk(file, offset, length, chunk =>
                {
                    for (; chunk.Length > 0; chunk = chunk[ProcWordFile.WordBytes..])
                    {
                        writer.WriteNumberValue(BinaryPrimitives.ReadUInt64LittleEndian(chunk));
                    }
                });
                writer.WriteEndArray();
            });
        }
    }

    private static ulong ParseMultiple(string name, string? text, string option, ulong otherwise)
    {
        ulong value = text is null ? otherwise : SizeText.Parse(text, option);
        return value % ProcWordFile.WordBytes == 0
            ? value
            : throw new InputException($"/proc/{name} has words of 8 bytes: {option} {text} is none", "a multiple of 8");
    }

    private static void ForEachChunk(ProcWordFile file, ulong offset, ulong length, Action<ReadOnlySpan<byte>> take)
    {
        byte[] chunk = new byte[ChunkBytes];
        for (ulong done = 0; done < length; done += ChunkBytes)
        {
            _ = file.TryRead(offset + done, chunk.AsSpan(0, (int)Math.Min(ChunkBytes, length - done)), out int readBytes);
            take(chunk.AsSpan(0, readBytes));
        }
    }
}
