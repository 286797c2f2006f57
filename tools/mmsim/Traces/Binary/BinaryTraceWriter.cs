using System.Buffers.Binary;
using System.IO.Hashing;
using Mmsim.Traces.Pages;
using ZstdSharp;

namespace Mmsim.Traces.Binary;

/// <summary>Writes a trace in the binary form.</summary>
internal sealed class BinaryTraceWriter : IDisposable
{
    private const int CompressionLevel = 9;
    private const int FlushBytes = BinaryTraceFormat.PlainBytesMax / 2;

    private readonly Stream output;
    private readonly Compressor compressor = new(CompressionLevel);
    private readonly XxHash3 hashes = new();
    private readonly byte[] section = new byte[BinaryTraceFormat.SectionHeadBytes + BinaryTraceFormat.StoredBytesMax];

    private BinaryTraceWriter(Stream output) => this.output = output;

    /// <summary>Bytes of all contents before compression.</summary>
    public long PlainBytes { get; private set; }

    /// <summary>Bytes of the file.</summary>
    public long StoredBytes { get; private set; }

    /// <summary>Writes a whole trace.</summary>
    /// <param name="trace">The trace.</param>
    /// <param name="output">Where to.</param>
    /// <param name="progress">Told how much is done.</param>
    /// <param name="cancellation">Ends writing; what was written is then of no use.</param>
    /// <returns>Bytes of all contents before compression, and bytes of the file.</returns>
    public static (long PlainBytes, long StoredBytes) Write(RecordedTrace trace, Stream output, Action<double?> progress, CancellationToken cancellation)
    {
        using BinaryTraceWriter writer = new(output);
        writer.WriteMagic();
        writer.WriteInfo(trace);
        writer.WritePages(trace.Pages);
        writer.WriteCalls(trace.Syscalls);
        writer.WriteRecords(trace, progress, cancellation);
        writer.WriteEnd();
        return (writer.PlainBytes, writer.StoredBytes);
    }

    /// <inheritdoc/>
    public void Dispose() => compressor.Dispose();

    private void WriteMagic()
    {
        Span<byte> magic = stackalloc byte[BinaryTraceFormat.MagicBytes];
        BinaryTraceFormat.Magic.CopyTo(magic);
        magic[^1] = BinaryTraceFormat.Version;
        output.Write(magic);
        StoredBytes += magic.Length;
    }

    private void WriteInfo(RecordedTrace trace)
    {
        using BinaryItems items = new();
        foreach (long number in (ReadOnlySpan<long>)[trace.Counts.Instr, trace.Counts.Load, trace.Counts.Store, trace.Counts.Modify, trace.Pages.Total, trace.Syscalls.Count])
        {
            items.Writer.Write7BitEncodedInt64(number);
        }

        WriteSection(BinarySectionTag.Info, 1, items.Bytes);
    }

    private void WritePages(PageUse pages)
    {
        using BinaryItems items = new();
        ulong before = 0;
        foreach (PageUseEntry entry in pages.Entries)
        {
            ulong number = entry.Page.ToUInt64() >> AccessWord.PageShift;
            items.Writer.Write7BitEncodedInt64((long)(number - before));
            before = number;
            foreach (long first in (ReadOnlySpan<long>)[entry.FirstFetch, entry.FirstRead, entry.FirstWrite])
            {
                items.Writer.Write7BitEncodedInt64(first == PageUseEntry.Never ? 0 : first + 1);
            }

            Flush(BinarySectionTag.Pages, items, FlushBytes);
        }

        Flush(BinarySectionTag.Pages, items, 0);
    }

    private void WriteCalls(IReadOnlyList<SyscallEvent> calls)
    {
        using BinaryItems items = new();
        long before = 0;
        foreach (SyscallEvent call in calls)
        {
            BinaryWriter writer = items.Writer;
            writer.Write7BitEncodedInt64(call.RecordIndex - before);
            before = call.RecordIndex;
            writer.Write7BitEncodedInt64(call.Thread);
            writer.Write7BitEncodedInt64(call.Number);
            writer.Write(call.Name);
            writer.Write7BitEncodedInt(call.Args.Count);
            foreach (ulong arg in call.Args)
            {
                writer.Write7BitEncodedInt64(unchecked((long)arg));
            }

            writer.Write((byte)call.Outcome);
            writer.Write7BitEncodedInt64(unchecked((long)call.Result));
            writer.Write(call.Path is not null);
            if (call.Path is not null)
            {
                writer.Write(call.Path);
            }

            Flush(BinarySectionTag.Calls, items, FlushBytes);
        }

        Flush(BinarySectionTag.Calls, items, 0);
    }

    private void WriteRecords(RecordedTrace trace, Action<double?> progress, CancellationToken cancellation)
    {
        CompactCodec codec = new();
        byte[] plain = new byte[(BinaryTraceFormat.RecordsMax * CompactCodec.RecordBytesMax) + CompactCodec.SlackBytes];
        ulong[] words = new ulong[BinaryTraceFormat.RecordsMax];
        int count = 0;
        using IAccessSource source = trace.OpenReader();
        bool isMore = true;
        while (isMore)
        {
            isMore = source.TryRead(out AccessRun run);
            ReadOnlySpan<ulong> rest = AccessWord.AsWords(run.Accesses);
            while (!rest.IsEmpty || (!isMore && count > 0))
            {
                int taken = Math.Min(rest.Length, words.Length - count);
                rest[..taken].CopyTo(words.AsSpan(count));
                rest = rest[taken..];
                count += taken;
                if (count == words.Length || !isMore)
                {
                    int length = codec.Encode(words.AsSpan(0, count), plain);
                    WriteSection(BinarySectionTag.Records, count, plain.AsSpan(0, length));
                    count = 0;
                    progress(source.Progress);
                    cancellation.ThrowIfCancellationRequested();
                }
            }
        }
    }

    private void WriteEnd()
    {
        Span<byte> plain = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(plain, hashes.GetCurrentHashAsUInt64());
        WriteSection(BinarySectionTag.End, 1, plain);
    }

    private void Flush(BinarySectionTag tag, BinaryItems items, int threshold)
    {
        items.Count += threshold > 0 ? 1 : 0;
        if (items.Count > 0 && items.Bytes.Length >= threshold)
        {
            WriteSection(tag, items.Count, items.Bytes);
            items.Clear();
        }
    }

    private void WriteSection(BinarySectionTag tag, int items, ReadOnlySpan<byte> plain)
    {
        int stored = compressor.Wrap(plain, section.AsSpan(BinaryTraceFormat.SectionHeadBytes));
        Span<byte> whole = section.AsSpan(0, BinaryTraceFormat.SectionHeadBytes + stored);
        ulong hash = BinaryTraceFormat.WriteHead(whole, tag, items, plain.Length);
        Span<byte> hashBytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(hashBytes, hash);
        hashes.Append(hashBytes);
        output.Write(whole);
        PlainBytes += plain.Length;
        StoredBytes += whole.Length;
    }
}
