using Mmsim.Traces.Blocks;
using ZstdSharp;

namespace Mmsim.Traces.Binary;

/// <summary>Checks, decompresses and decodes record sections of a binary trace.</summary>
internal sealed class BinaryWorker : IBlockWorker, IDisposable
{
    private readonly string name;
    private readonly Decompressor decompressor = new();
    private readonly CompactCodec codec = new();
    private readonly byte[] plain = new byte[BinaryTraceFormat.RecordsPlainBytesMax + CompactCodec.SlackBytes];

    /// <summary>Creates a worker.</summary>
    /// <param name="name">The file's name, for messages.</param>
    public BinaryWorker(string name) => this.name = name;

    /// <inheritdoc/>
    public void Work(TraceBlock block)
    {
        BinarySection section = BinaryTraceFormat.ReadHead(block.Input, name);
        BinarySectionReader.Unpack(section, block.Input, decompressor, plain, name);
        block.WordCount = (int)section.Items;
        if (!codec.TryDecode(plain.AsSpan(0, (int)section.PlainBytes + CompactCodec.SlackBytes), block.Words.AsSpan(0, block.WordCount)))
        {
            throw BinaryTraceFormat.Damaged(name, "a section of records cannot be decoded");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => decompressor.Dispose();
}
