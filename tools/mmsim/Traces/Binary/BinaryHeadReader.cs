// Reads what stands before the records. Every number is checked where it comes in: a count in the file never sizes an array,
// it is only compared with what was found.

using System.Text;
using Engine.Arm64.Units;
using Mmsim.Cli;
using Mmsim.Traces.Pages;
using ZstdSharp;

namespace Mmsim.Traces.Binary;

/// <summary>Reads totals, pages and system calls of a binary trace.</summary>
internal sealed class BinaryHeadReader : IDisposable
{
    private const ulong PageNumberMask = (1UL << 52) - 1;

    private readonly Decompressor decompressor = new();
    private readonly byte[] stored = new byte[BinaryTraceFormat.SectionHeadBytes + BinaryTraceFormat.StoredBytesMax];
    private readonly byte[] plain = new byte[BinaryTraceFormat.PlainBytesMax];
    private readonly List<PageUseEntry> pages = [];
    private readonly List<SyscallEvent> calls = [];
    private ulong pageNumber;
    private long recordIndex;
    private RecordCounts counts;
    private long pageCount;
    private long callCount;

    private BinaryHeadReader()
    {
    }

    /// <summary>Reads sections up to the first that is not of the head.</summary>
    /// <param name="reader">At the first section.</param>
    /// <param name="onSection">Called with the first section of the records, head and content.</param>
    /// <exception cref="InputException">The head is damaged.</exception>
    public static BinaryTraceHead Read(BinarySectionReader reader, Action<BinarySection, ReadOnlyMemory<byte>> onSection)
    {
        using BinaryHeadReader head = new();
        try
        {
            return head.ReadAll(reader, onSection);
        }
        catch (Exception error) when (error is EndOfStreamException or FormatException or OverflowException or ArgumentException)
        {
            throw BinaryTraceFormat.Damaged(reader.Name, "its head cannot be read");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => decompressor.Dispose();

    private BinaryTraceHead ReadAll(BinarySectionReader reader, Action<BinarySection, ReadOnlyMemory<byte>> onSection)
    {
        BinarySectionTag before = 0;
        while (true)
        {
            BinarySection section = reader.Read(stored);
            if (section.Tag < before || (before == 0) != (section.Tag == BinarySectionTag.Info))
            {
                throw BinaryTraceFormat.Damaged(reader.Name, "sections are missing or in the wrong order");
            }

            if (section.Tag is BinarySectionTag.Records or BinarySectionTag.End)
            {
                Check(reader.Name, pages.Count == pageCount && calls.Count == callCount && recordIndex <= counts.Total);
                onSection(section, stored.AsMemory(0, BinaryTraceFormat.SectionHeadBytes + (int)section.StoredBytes));
                return new BinaryTraceHead(counts, new PageUse([.. pages]), calls);
            }

            before = section.Tag;
            BinarySectionReader.Unpack(section, stored, decompressor, plain, reader.Name);
            using MemoryStream bytes = new(plain, 0, (int)section.PlainBytes);
            using BinaryReader items = new(bytes, Encoding.UTF8);
            for (uint item = 0; item < section.Items; item++)
            {
                ReadItem(section.Tag, items, reader.Name);
            }

            Check(reader.Name, bytes.Position == bytes.Length);
        }
    }

    private void ReadItem(BinarySectionTag tag, BinaryReader items, string file)
    {
        switch (tag)
        {
            case BinarySectionTag.Info:
                counts = new RecordCounts(ReadCount(items, file), ReadCount(items, file), ReadCount(items, file), ReadCount(items, file));
                pageCount = ReadCount(items, file);
                callCount = ReadCount(items, file);
                break;
            case BinarySectionTag.Pages:
                pages.Add(ReadPage(items, file));
                break;
            default:
                calls.Add(ReadCall(items, file));
                break;
        }
    }

    private PageUseEntry ReadPage(BinaryReader items, string file)
    {
        ulong step = unchecked((ulong)items.Read7BitEncodedInt64());
        Check(file, step <= PageNumberMask - pageNumber && (step > 0 || pages.Count == 0));
        pageNumber += step;
        PageUseEntry entry = new(new VirtAddr(pageNumber << AccessWord.PageShift), ReadFirst(items, file), ReadFirst(items, file), ReadFirst(items, file));
        Check(file, entry.FirstTouch != PageUseEntry.Never);
        return entry;
    }

    private long ReadFirst(BinaryReader items, string file)
    {
        long first = items.Read7BitEncodedInt64();
        Check(file, first >= 0 && first <= counts.Total);
        return first == 0 ? PageUseEntry.Never : first - 1;
    }

    private SyscallEvent ReadCall(BinaryReader items, string file)
    {
        recordIndex += ReadCount(items, file);
        Check(file, recordIndex <= counts.Total);
        uint thread = checked((uint)items.Read7BitEncodedInt64());
        uint number = checked((uint)items.Read7BitEncodedInt64());
        string name = items.ReadString();
        int argCount = items.Read7BitEncodedInt();
        Check(file, argCount is >= 0 and <= SyscallEvent.ArgsMax);
        ulong[] args = new ulong[argCount];
        for (int i = 0; i < args.Length; i++)
        {
            args[i] = unchecked((ulong)items.Read7BitEncodedInt64());
        }

        SyscallOutcome outcome = (SyscallOutcome)items.ReadByte();
        ulong result = unchecked((ulong)items.Read7BitEncodedInt64());
        byte hasPath = items.ReadByte();
        Check(file, Enum.IsDefined(outcome) && hasPath <= 1);
        return new SyscallEvent(recordIndex, thread, number, name, args, outcome, result) { Path = hasPath == 1 ? items.ReadString() : null };
    }

    private static long ReadCount(BinaryReader items, string file)
    {
        long count = items.Read7BitEncodedInt64();
        Check(file, count is >= 0 and <= BinaryTraceFormat.ItemsMax);
        return count;
    }

    private static void Check(string file, bool isSound)
    {
        if (!isSound)
        {
            throw BinaryTraceFormat.Damaged(file, "its head contradicts itself");
        }
    }
}
