namespace Mmsim.Traces;

/// <summary>Hands out blocks that are in memory already; the worker decodes them from where they lie.</summary>
internal sealed class MemoryBlockSource : IBlockSource
{
    private readonly IReadOnlyList<CompactBlock> blocks;
    private int next;

    public MemoryBlockSource(IReadOnlyList<CompactBlock> blocks) => this.blocks = blocks;

    /// <inheritdoc/>
    public bool Fill(TraceBlock block)
    {
        if (next == blocks.Count)
        {
            return false;
        }

        block.Compact = blocks[next];
        next++;
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
