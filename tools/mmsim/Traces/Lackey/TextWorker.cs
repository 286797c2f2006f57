using Mmsim.Traces.Blocks;
using Mmsim.Traces.Pages;

namespace Mmsim.Traces.Lackey;

/// <summary>Parses blocks of text, counts the pages, and keeps the records if asked to.</summary>
internal sealed class TextWorker : IBlockWorker
{
    private readonly PackedStore? store;

    /// <summary>Creates a worker.</summary>
    /// <param name="isKept">Whether the records are kept in memory.</param>
    public TextWorker(bool isKept) => store = isKept ? new PackedStore(Pages) : null;

    /// <summary>The pages seen by this worker.</summary>
    public PageUseCounter Pages { get; } = new();

    /// <inheritdoc/>
    public void Work(TraceBlock block)
    {
        // An error of the source comes after the lines before it.
        LineError? sourceError = block.Error;
        block.Error = null;
        if (sourceError is null)
        {
            LackeyText.Parse(block);
        }

        block.Error ??= sourceError;
        ReadOnlySpan<ulong> words = block.Words.AsSpan(0, block.WordCount);
        if (store is null)
        {
            Pages.Add(words, block.Sequence);
        }
        else
        {
            block.Packed = store.Add(words, block.Sequence);
        }
    }
}
