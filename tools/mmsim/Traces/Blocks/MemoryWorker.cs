namespace Mmsim.Traces.Blocks;

/// <summary>Unpacks blocks that are in memory.</summary>
internal sealed class MemoryWorker : IBlockWorker
{
    /// <inheritdoc/>
    public void Work(TraceBlock block)
    {
        PackedBlock packed = block.Packed!;
        packed.Unpack(block.Words);
        block.WordCount = packed.Records;
    }
}
