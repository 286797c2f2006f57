using Mmsim.Cli;

namespace Mmsim.Kmem;

/// <summary>A trace that has been read: the steps of its replay, the counts, and what the text says about the machine.</summary>
/// <param name="Program">The steps and counts.</param>
/// <param name="Gfps">The texts of allocation flags.</param>
/// <param name="Text">What the text says beside the events.</param>
internal sealed record KmemTrace(ReplayProgram Program, GfpTable Gfps, FtraceText Text)
{
    /// <summary>Reads a trace.</summary>
    /// <param name="path">Plain text, zstd or gzip; <c>-</c> is standard input.</param>
    /// <param name="progress">Is told from time to time how much has been read, 0 to 1, or null where that is not known.</param>
    /// <param name="stop">Ends reading early, as if the text ended there.</param>
    /// <exception cref="InputException">The file cannot be read, or is not ftrace text.</exception>
    public static KmemTrace Read(string path, Action<double?>? progress = null, CancellationToken stop = default)
    {
        using InputFile input = InputFile.Open(path);
        return Read(input.Name, buffer =>
        {
            progress?.Invoke(input.StoredBytes is long length and > 0 ? (double)input.Position / length : null);
            return stop.IsCancellationRequested ? 0 : input.Read(buffer.Span);
        });
    }

    /// <summary>Reads a trace from any source of bytes.</summary>
    /// <param name="name">The input's name for messages.</param>
    /// <param name="read">Fills a part of a buffer and says how many bytes; 0 is the end.</param>
    public static KmemTrace Read(string name, Func<Memory<byte>, int> read)
    {
        GfpTable gfps = new();
        KmemTrace trace = new(new ReplayProgram(), gfps, new FtraceText(name, gfps));
        using FtraceBlocks blocks = new(name, read);
        while (blocks.Next() is { } block)
        {
            trace.Add(block.Text);
            blocks.Return(block);
        }

        return trace.Text.EventCount > 0 ? trace : throw new InputException(name, null, "the trace has no event", "ftrace text with kmem events");
    }

    private void Add(ReadOnlySpan<byte> block)
    {
        while (block.Length > 0)
        {
            if (Text.TryRead(ref block, out KmemEvent item))
            {
                Program.Add(item);
            }
        }
    }
}
