namespace Mmsim.Traces.Blocks;

/// <summary>Turns a block's input into records. Each thread has its own; a worker sees its blocks in the order of the file, but not all of them.</summary>
internal interface IBlockWorker
{
    /// <summary>Works on one block; what is wrong with the input goes to <see cref="TraceBlock.Error"/>.</summary>
    public void Work(TraceBlock block);
}
