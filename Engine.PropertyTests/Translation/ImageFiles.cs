using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Engine.PropertyTests.Translation;

/// <summary>Pages of memory as files of the kinds that <c>mmsim walk</c> reads.</summary>
internal static class ImageFiles
{
    private const int PageBytes = 4096;
    private const int HeaderBytes = 64;
    private const int EntryBytes = 56;

    /// <summary>Records of an address and a page, in a given order.</summary>
    public static byte[] PageList(IEnumerable<KeyValuePair<ulong, ulong[]>> pages)
    {
        using MemoryStream list = new();
        Span<byte> address = stackalloc byte[8];
        foreach ((ulong start, ulong[] words) in pages)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(address, start);
            list.Write(address);
            list.Write(MemoryMarshal.AsBytes(words.AsSpan()));
        }

        return list.ToArray();
    }

    /// <summary>Neighbouring pages joined: where each piece starts, and its bytes.</summary>
    public static List<(ulong Start, byte[] Bytes)> Pieces(IReadOnlyDictionary<ulong, ulong[]> pages)
    {
        List<(ulong Start, List<ulong> Words)> pieces = [];
        foreach ((ulong start, ulong[] words) in pages)
        {
            if (pieces.Count == 0 || pieces[^1].Start + ((ulong)pieces[^1].Words.Count * 8) != start)
            {
                pieces.Add((start, []));
            }

            pieces[^1].Words.AddRange(words);
        }

        return [.. pieces.Select(piece => (piece.Start, MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(piece.Words)).ToArray()))];
    }

    /// <summary>
    /// An ELF core: a note first, then a segment for each piece, the last one first, as <c>dump-guest-memory</c> and kdump may write them.
    /// With <paramref name="isCountExtended"/> the count stands in the first section header (PN_XNUM).
    /// </summary>
    public static byte[] ElfCore(IReadOnlyDictionary<ulong, ulong[]> pages, bool isCountExtended = false)
    {
        List<(ulong Start, byte[] Bytes)> pieces = Pieces(pages);
        pieces.Reverse();
        int count = pieces.Count + 1;
        int sections = HeaderBytes + (count * EntryBytes);
        int dataStart = sections + HeaderBytes;
        byte[] file = new byte[dataStart + pieces.Sum(piece => piece.Bytes.Length)];
        new byte[] { 0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1 }.CopyTo(file, 0);
        Put16(file, 16, 4);
        Put16(file, 18, 183);
        Put64(file, 32, HeaderBytes);
        Put64(file, 40, (ulong)sections);
        Put16(file, 52, HeaderBytes);
        Put16(file, 54, EntryBytes);
        Put16(file, 56, isCountExtended ? (ushort)0xFFFF : (ushort)count);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(sections + 44), (uint)count);
        PutSegment(file, 0, 4, dataStart, 0, 0, 0);
        int at = dataStart;
        for (int i = 0; i < pieces.Count; i++)
        {
            PutSegment(file, i + 1, 1, at, pieces[i].Start, pieces[i].Bytes.Length, pieces[i].Bytes.Length);
            pieces[i].Bytes.CopyTo(file, at);
            at += pieces[i].Bytes.Length;
        }

        return file;
    }

    private static void PutSegment(byte[] file, int index, uint type, int offset, ulong start, int fileBytes, int memoryBytes)
    {
        int at = HeaderBytes + (index * EntryBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at), type);
        Put64(file, at + 8, (ulong)offset);
        Put64(file, at + 16, 0xFFFF_0000_0000_0000 + start);
        Put64(file, at + 24, start);
        Put64(file, at + 32, (ulong)fileBytes);
        Put64(file, at + 40, (ulong)memoryBytes);
    }

    private static void Put16(byte[] file, int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(at), value);

    private static void Put64(byte[] file, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(at), value);
}
