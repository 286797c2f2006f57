namespace Mmsim.Traces.Blocks;

/// <summary>Hands out blocks that are in memory already; the worker unpacks them from where they lie.</summary>
internal sealed class MemoryBlockSource : IBlockSource
{
    private readonly IReadOnlyList<PackedBlock> blocks;
    private int next;

    public MemoryBlockSource(IReadOnlyList<PackedBlock> blocks) => this.blocks = blocks;

    /// <inheritdoc/>
    public bool Fill(TraceBlock block)
    {
        if (next == blocks.Count)
        {
            return false;
        }

        block.Packed = blocks[next];
        next++;
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
