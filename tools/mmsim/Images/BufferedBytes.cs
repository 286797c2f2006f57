using System.Buffers.Binary;
using Mmsim.Cli;

namespace Mmsim.Images;

/// <summary>A compressed file or a pipe, read into memory.</summary>
internal sealed class BufferedBytes : ImageBytes
{
    // A multiple of 8, so that no aligned word lies across two chunks.
    private const int ChunkBytes = 16 << 20;

    private readonly List<byte[]> chunks = [];
    private readonly long lengthBytes;

    /// <summary>Reads an input to its end.</summary>
    public BufferedBytes(InputFile input)
    {
        while (true)
        {
            byte[] chunk = new byte[ChunkBytes];
            int used = 0;
            int count;
            while (used < ChunkBytes && (count = input.Read(chunk.AsSpan(used))) > 0)
            {
                used += count;
            }

            if (used == 0)
            {
                return;
            }

            chunks.Add(used == ChunkBytes ? chunk : chunk[..((used + 7) & ~7)]);
            lengthBytes += used;
            if (used < ChunkBytes)
            {
                return;
            }
        }
    }

    /// <inheritdoc/>
    public override long LengthBytes => lengthBytes;

    /// <inheritdoc/>
    public override ulong ReadUInt64(long offset)
    {
        int within = (int)(offset % ChunkBytes);
        byte[] chunk = chunks[(int)(offset / ChunkBytes)];
        if (within + sizeof(ulong) <= chunk.Length)
        {
            return BinaryPrimitives.ReadUInt64LittleEndian(chunk.AsSpan(within));
        }

        // A word across two chunks, at an odd offset.
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        for (int i = 0; i < word.Length; i++)
        {
            word[i] = chunks[(int)((offset + i) / ChunkBytes)][(int)((offset + i) % ChunkBytes)];
        }

        return BinaryPrimitives.ReadUInt64LittleEndian(word);
    }

    /// <inheritdoc/>
    public override void Dispose() => chunks.Clear();
}
