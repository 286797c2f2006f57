// Files such as /proc/PID/pagemap are arrays of 64-bit words, mostly far longer than what they hold: pagemap has 8 bytes for
// each of the 2^36 pages of an address space. So a reader names the part that it wants, and the copy below a folder of the host
// is a sparse file.

using System.Buffers.Binary;

namespace Engine.Core.Diagnostics.Procfs;

/// <summary>A file of <c>/proc</c> that is an array of 64-bit words, lowest byte first: <c>pagemap</c>, <c>kpageflags</c>, <c>kpagecount</c>.</summary>
public abstract class ProcWordFile : ProcFile
{
    /// <summary>Bytes in a word: reads begin and end at multiples of it.</summary>
    public const int WordBytes = sizeof(ulong);

    private const int ChunkWords = 8192;

    /// <summary>Words in the file.</summary>
    public abstract ulong WordCount { get; }

    /// <summary>Where words may be other than zero, ascending: first word and count.</summary>
    public virtual IEnumerable<(ulong First, ulong Count)> DataRanges => [(0, WordCount)];

    /// <summary>One word at this moment.</summary>
    /// <param name="index">Which: below <see cref="WordCount"/>.</param>
    public abstract ulong ReadWord(ulong index);

    /// <summary>Reads a part of the file (<c>pread</c>).</summary>
    /// <param name="offsetBytes">Where, a multiple of 8.</param>
    /// <param name="destination">Whole words.</param>
    /// <param name="readBytes">Bytes read: fewer than asked, or none, where the file ends.</param>
    /// <returns>False where the place or the length is no multiple of 8: the kernel's EINVAL.</returns>
    public bool TryRead(ulong offsetBytes, Span<byte> destination, out int readBytes)
    {
        readBytes = 0;
        if ((offsetBytes | (uint)destination.Length) % WordBytes != 0)
        {
            return false;
        }

        ulong index = offsetBytes / WordBytes;
        for (; readBytes < destination.Length && index < WordCount; index++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(destination[readBytes..], ReadWord(index));
            readBytes += WordBytes;
        }

        return true;
    }

    /// <summary>Writes the words as a sparse file that is as long as the original: what holds only zeroes takes no space.</summary>
    /// <inheritdoc/>
    public override void WriteTo(string path)
    {
        using FileStream file = new(path, FileMode.Create, FileAccess.Write);
        file.SetLength(checked((long)(WordCount * WordBytes)));
        byte[] chunk = new byte[ChunkWords * WordBytes];
        foreach ((ulong first, ulong count) in DataRanges)
        {
            for (ulong done = 0; done < count; done += ChunkWords)
            {
                int length = (int)Math.Min(ChunkWords, count - done) * WordBytes;
                ulong offset = (first + done) * WordBytes;
                _ = TryRead(offset, chunk.AsSpan(0, length), out int readBytes);
                if (chunk.AsSpan(0, readBytes).ContainsAnyExcept((byte)0))
                {
                    file.Position = checked((long)offset);
                    file.Write(chunk.AsSpan(0, readBytes));
                }
            }
        }
    }
}
