using Mmsim.Traces.Blocks;
using Mmsim.Traces.Pages;

namespace Mmsim.Traces;

/// <summary>Hands out the records of a trace whose system calls are known already, decoding ahead of its consumer.</summary>
internal sealed class RecordedTraceReader : ITraceStream
{
    private const int Slots = 8;

    private readonly IReadOnlyList<SyscallEvent> syscalls;
    private readonly long recordCount;
    private readonly BlockPipeline pipeline;
    private readonly string name;
    private readonly PageUse pages;
    private TraceBlock? block;
    private int nextWord;
    private int nextSyscall;
    private long given;

    /// <summary>Starts to decode.</summary>
    /// <param name="name">The trace's name, for messages.</param>
    /// <param name="source">Where the blocks come from.</param>
    /// <param name="createBlock">Makes a block that can take the source's.</param>
    /// <param name="createWorker">Makes a worker that can decode the source's blocks.</param>
    /// <param name="recordCount">How many records there are.</param>
    /// <param name="syscalls">The system calls, in order.</param>
    /// <param name="pages">The use of pages by the whole trace.</param>
    public RecordedTraceReader(
        string name,
        IBlockSource source,
        Func<TraceBlock> createBlock,
        Func<IBlockWorker> createWorker,
        long recordCount,
        IReadOnlyList<SyscallEvent> syscalls,
        PageUse pages)
    {
        this.pages = pages;
        this.name = name;
        this.recordCount = recordCount;
        this.syscalls = syscalls;
        TraceBlock[] slots = [.. Enumerable.Range(0, Slots).Select(_ => createBlock())];
        IBlockWorker[] workers = [.. Enumerable.Range(0, BlockPipeline.WorkerCount).Select(_ => createWorker())];
        pipeline = new BlockPipeline(source, slots, workers);
    }

    /// <inheritdoc/>
    public double? Progress => recordCount == 0 ? 1 : given / (double)recordCount;

    /// <inheritdoc/>
    public bool TryRead(out AccessRun run)
    {
        while (true)
        {
            SyscallEvent? call = nextSyscall < syscalls.Count ? syscalls[nextSyscall] : null;
            int left = block is null ? 0 : block.WordCount - nextWord;
            long untilCall = call is null ? long.MaxValue : call.RecordIndex - given;
            if (untilCall <= left)
            {
                nextSyscall++;
                run = Take((int)untilCall, call);
                return true;
            }

            if (left > 0)
            {
                run = Take(left, null);
                return true;
            }

            block = pipeline.Next();
            nextWord = 0;
            if (block is null)
            {
                run = default;
                return false;
            }

            if (block.Failure is { } failure)
            {
                throw failure as Cli.InputException ?? new Cli.InputException(name, null, failure.Message);
            }
        }
    }

    /// <summary>The use of pages by the whole trace: it was known before.</summary>
    public PageUse CombinePages() => pages;

    /// <inheritdoc/>
    public void Dispose() => pipeline.Dispose();

    private AccessRun Take(int count, SyscallEvent? call)
    {
        ReadOnlySpan<ulong> words = block is null ? [] : block.Words.AsSpan(nextWord, count);
        nextWord += count;
        given += count;
        return new AccessRun(AccessWord.AsAccesses(words), call);
    }
}
