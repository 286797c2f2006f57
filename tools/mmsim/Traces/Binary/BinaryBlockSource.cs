using Mmsim.Traces.Blocks;
using ZstdSharp;

namespace Mmsim.Traces.Binary;

/// <summary>Hands out the record sections of a binary trace as they are stored, and checks the end.</summary>
internal sealed class BinaryBlockSource : IBlockSource
{
    private readonly BinarySectionReader reader;
    private readonly long recordCount;
    private byte[]? pending;
    private long seen;

    /// <summary>Continues behind the head.</summary>
    /// <param name="reader">Behind <paramref name="first"/>; disposed by this source.</param>
    /// <param name="first">The first section behind the head, which reading the head has met.</param>
    /// <param name="recordCount">How many records the head promises.</param>
    public BinaryBlockSource(BinarySectionReader reader, byte[] first, long recordCount)
    {
        this.reader = reader;
        pending = first;
        this.recordCount = recordCount;
    }

    /// <summary>Makes a block that can take a section.</summary>
    public static TraceBlock CreateBlock() => new(BinaryTraceFormat.SectionHeadBytes + BinaryTraceFormat.RecordsStoredBytesMax, BinaryTraceFormat.RecordsMax);

    /// <inheritdoc/>
    public bool Fill(TraceBlock block)
    {
        BinarySection section;
        if (pending is not null)
        {
            pending.CopyTo(block.Input, 0);
            section = BinaryTraceFormat.ReadHead(pending, reader.Name);
            pending = null;
        }
        else
        {
            section = reader.Read(block.Input);
        }

        block.InputBytes = BinaryTraceFormat.SectionHeadBytes + (int)section.StoredBytes;
        if (section.Tag == BinarySectionTag.Records)
        {
            seen += section.Items;
            return true;
        }

        CheckEnd(section, block);
        return false;
    }

    /// <inheritdoc/>
    public void Dispose() => reader.Dispose();

    private void CheckEnd(BinarySection section, TraceBlock block)
    {
        if (section.Tag != BinarySectionTag.End || seen != recordCount)
        {
            throw BinaryTraceFormat.Damaged(reader.Name, "sections are missing or in the wrong order");
        }

        using Decompressor decompressor = new();
        Span<byte> plain = stackalloc byte[sizeof(ulong)];
        if (section.PlainBytes != plain.Length)
        {
            throw BinaryTraceFormat.Damaged(reader.Name, "its end makes no sense");
        }

        BinarySectionReader.Unpack(section, block.Input, decompressor, plain, reader.Name);
        reader.CheckEnd(plain);
    }
}
