using Engine.Arm64.Translation;
using Mmsim.Cli;
using Mmsim.Traces.Blocks;
using Mmsim.Traces.Pages;

namespace Mmsim.Traces.Lackey;

/// <summary>Reads a lackey log from its first record to its last, in one pass.</summary>
internal sealed class TextTraceReader : ITraceStream
{
    private const int Slots = 8;

    private readonly InputFile input;
    private readonly TextWorker[] workers;
    private readonly BlockPipeline pipeline;
    private readonly SyscallPairing pairing = new();
    private readonly List<long> blockStarts = [];
    private readonly Queue<SyscallEvent> unfinished = new();
    private TraceBlock? block;
    private int nextWord;
    private int nextSpecial;
    private long lines;
    private bool isAtEnd;

    /// <summary>Starts to read.</summary>
    /// <param name="input">The opened trace; disposed by the reader.</param>
    /// <param name="isKept">Whether each block's records are kept in memory (<see cref="Block"/>).</param>
    public TextTraceReader(InputFile input, bool isKept)
    {
        this.input = input;
        workers = [.. Enumerable.Range(0, BlockPipeline.WorkerCount).Select(_ => new TextWorker(isKept))];
        TraceBlock[] slots = [.. Enumerable.Range(0, Slots).Select(_ => TextBlockSource.CreateBlock())];
        pipeline = new BlockPipeline(new TextBlockSource(input), slots, workers);
    }

    /// <inheritdoc/>
    public double? Progress =>
        input.StoredBytes is not { } total ? null : block is null ? (isAtEnd ? 1 : 0) : Math.Min(1, block.FilePosition / (double)Math.Max(1, total));

    /// <summary>The block that the last run came from, or null.</summary>
    public TraceBlock? Block => block;

    /// <summary>How many records have been handed out.</summary>
    public long RecordCount { get; private set; }

    /// <inheritdoc/>
    public bool TryRead(out AccessRun run)
    {
        while (true)
        {
            if (block is not null && TryReadBlock(out run))
            {
                return true;
            }

            if (isAtEnd || !TryNextBlock())
            {
                return TryReadUnfinished(out run);
            }
        }
    }

    /// <inheritdoc/>
    public PageUse CombinePages()
    {
        // Other threads may be ahead, and still be counting.
        pipeline.Stop();
        return PageUseCounter.Combine(workers.Select(worker => worker.Pages), blockStarts);
    }

    /// <inheritdoc/>
    public void Dispose() => pipeline.Dispose();

    private bool TryReadBlock(out AccessRun run)
    {
        TraceBlock current = block!;
        while (nextSpecial < current.Specials.Count)
        {
            SpecialLine line = current.Specials[nextSpecial];
            nextSpecial++;
            SyscallEvent? call = pairing.Add(line, blockStarts[^1] + line.RecordInBlock);
            if (call is not null)
            {
                run = Take(current, line.RecordInBlock, call);
                return true;
            }
        }

        run = Take(current, current.WordCount, null);
        return run.Accesses.Length > 0;
    }

    private AccessRun Take(TraceBlock current, int end, SyscallEvent? call)
    {
        ReadOnlySpan<Access> accesses = AccessWord.AsAccesses(current.Words.AsSpan(nextWord..end));
        nextWord = end;
        RecordCount += accesses.Length;
        return new AccessRun(accesses, call);
    }

    private bool TryNextBlock()
    {
        // What is wrong with a block is reported when the lines before it have been handed out.
        ThrowIfWrong();
        lines += block?.Lines ?? 0;
        block = pipeline.Next();
        if (block is null)
        {
            isAtEnd = true;
            if (lines == 0)
            {
                throw new InputException(input.Name, null, "the file is empty", "a lackey trace");
            }

            foreach (SyscallEvent call in pairing.Unfinished(RecordCount))
            {
                unfinished.Enqueue(call);
            }

            return false;
        }

        if (block.Failure is not null)
        {
            ThrowIfWrong();
        }

        blockStarts.Add(RecordCount);
        nextWord = 0;
        nextSpecial = 0;
        return true;
    }

    private void ThrowIfWrong()
    {
        if (block?.Failure is { } failure)
        {
            throw failure as InputException ?? new InputException(input.Name, null, failure.Message);
        }

        if (block?.Error is { } error)
        {
            throw new InputException(input.Name, lines + error.LineInBlock, error.Wrong, error.Expected);
        }
    }

    private bool TryReadUnfinished(out AccessRun run)
    {
        bool isThere = unfinished.TryDequeue(out SyscallEvent? call);
        run = new AccessRun([], call);
        return isThere;
    }
}
