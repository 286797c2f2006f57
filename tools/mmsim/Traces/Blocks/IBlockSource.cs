namespace Mmsim.Traces.Blocks;

/// <summary>Where blocks get their input from; used by one thread.</summary>
internal interface IBlockSource : IDisposable
{
    /// <summary>Fills a block.</summary>
    /// <returns>False if there was no more input; the block is then unused.</returns>
    /// <exception cref="Cli.InputException">The input is damaged.</exception>
    public bool Fill(TraceBlock block);
}
