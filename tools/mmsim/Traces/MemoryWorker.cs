namespace Mmsim.Traces;

/// <summary>Decodes blocks that are in memory.</summary>
internal sealed class MemoryWorker : IBlockWorker
{
    private readonly CompactCodec codec = new();

    /// <inheritdoc/>
    public void Work(TraceBlock block)
    {
        CompactBlock compact = block.Compact!;
        ReadOnlySpan<byte> source = compact.Chunk.AsSpan(compact.Offset, compact.LengthBytes + CompactCodec.SlackBytes);
        block.WordCount = compact.Records;
        if (!codec.TryDecode(source, block.Words.AsSpan(0, compact.Records)))
        {
            throw new InvalidOperationException("a block of records in memory is damaged");
        }
    }
}
