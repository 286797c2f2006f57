// The binary form of a trace, version 1. All numbers are little-endian.
//
//   magic     7 bytes "mmtrace", 1 byte version
//   sections  in this order: one Info, Pages…, Calls…, Records…, one End; nothing behind it
//
// A section:
//
//    0  u64  XXH3-64 of everything behind this field, to the end of the section
//    8  u32  tag (BinarySectionTag)
//   12  u32  items in it
//   16  u32  bytes when decompressed ("plain")
//   20  u32  bytes stored
//   24       one zstd frame
//
// Plain contents (varint: 7 bits a byte, low bits first, high bit set on all but the last):
//
//   Info     varints: records by kind (fetch, load, store, modify), pages, calls
//   Pages    for each page by ascending address: varint page number (address >> 12, 52 bits) less that of the page before it,
//            then varints 1 + index of the first record that fetches, reads, writes it, or 0
//   Calls    varints record index less that of the call before it, thread, number; string name; varint argument count, and so
//            many varints; byte outcome (0 unfinished, 1 success, 2 failure); varint result; byte 0, or byte 1 and string path.
//            A string is a varint length in bytes and UTF-8.
//   Records  the compact form that CompactCodec describes; at most 32,768 records
//   End      u64: XXH3-64 of the hash fields of all sections before this one, in order
//
// Page numbers and record indexes run on across sections of one tag. A reader can skip what it does not want, finds any
// damaged or missing byte, and needs no memory that the file does not pay for.

using System.Buffers.Binary;
using System.IO.Hashing;
using Mmsim.Cli;

namespace Mmsim.Traces.Binary;

/// <summary>What writer and reader of the binary form share.</summary>
internal static class BinaryTraceFormat
{
    /// <summary>The version that this program writes and reads.</summary>
    public const byte Version = 1;

    /// <summary>Magic and version.</summary>
    public const int MagicBytes = 8;

    /// <summary>What stands before a section's content.</summary>
    public const int SectionHeadBytes = 24;

    /// <summary>The most records in a section.</summary>
    public const int RecordsMax = 1 << 15;

    /// <summary>The most plain bytes of a section: a section of records at its worst is smaller than this.</summary>
    public const int PlainBytesMax = 1 << 20;

    /// <summary>The most stored bytes of a section: zstd adds little to what it cannot compress.</summary>
    public const int StoredBytesMax = PlainBytesMax + (PlainBytesMax >> 7) + 1024;

    /// <summary>The most plain bytes of a section of records.</summary>
    public const int RecordsPlainBytesMax = RecordsMax * CompactCodec.RecordBytesMax;

    /// <summary>The most stored bytes of a section of records.</summary>
    public const int RecordsStoredBytesMax = RecordsPlainBytesMax + (RecordsPlainBytesMax >> 7) + 1024;

    /// <summary>The most records, pages or calls that a trace may claim: their sums never overflow.</summary>
    public const long ItemsMax = 1L << 48;

    private const int HashBytes = sizeof(ulong);

    /// <summary>The magic without the version.</summary>
    public static ReadOnlySpan<byte> Magic => "mmtrace"u8;

    /// <summary>Writes a section's head in front of its content.</summary>
    /// <param name="section">Head and content.</param>
    /// <param name="tag">What it holds.</param>
    /// <param name="items">How many.</param>
    /// <param name="plainBytes">Length of the decompressed content.</param>
    /// <returns>The section's hash.</returns>
    public static ulong WriteHead(Span<byte> section, BinarySectionTag tag, int items, int plainBytes)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(section[8..], (uint)tag);
        BinaryPrimitives.WriteUInt32LittleEndian(section[12..], (uint)items);
        BinaryPrimitives.WriteUInt32LittleEndian(section[16..], (uint)plainBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(section[20..], (uint)(section.Length - SectionHeadBytes));
        ulong hash = XxHash3.HashToUInt64(section[HashBytes..]);
        BinaryPrimitives.WriteUInt64LittleEndian(section, hash);
        return hash;
    }

    /// <summary>Reads a section's head, and checks the lengths in it before anybody believes them.</summary>
    /// <exception cref="InputException">It is not a section's head.</exception>
    public static BinarySection ReadHead(ReadOnlySpan<byte> head, string file)
    {
        BinarySection section = new(
            BinaryPrimitives.ReadUInt64LittleEndian(head),
            (BinarySectionTag)BinaryPrimitives.ReadUInt32LittleEndian(head[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(head[12..]),
            BinaryPrimitives.ReadUInt32LittleEndian(head[16..]),
            BinaryPrimitives.ReadUInt32LittleEndian(head[20..]));
        bool isSound = Enum.IsDefined(section.Tag) && section is { PlainBytes: <= PlainBytesMax, StoredBytes: <= StoredBytesMax }
            && section.Items <= section.PlainBytes && (section.Tag != BinarySectionTag.Records
                || section is { Items: <= RecordsMax, PlainBytes: <= RecordsPlainBytesMax, StoredBytes: <= RecordsStoredBytesMax });
        return isSound ? section : throw Damaged(file, "a section's head makes no sense");
    }

    /// <summary>Whether the section is what its hash says.</summary>
    public static bool IsIntact(ReadOnlySpan<byte> section, ulong hash) => XxHash3.HashToUInt64(section[HashBytes..]) == hash;

    /// <summary>The error about a file that is not as it was written.</summary>
    public static InputException Damaged(string file, string how) => new(file, null, $"the binary trace is damaged: {how}");

    /// <summary>The error about a file that ends too early.</summary>
    public static InputException CutOff(string file) => new(file, null, "the binary trace is cut off");
}
