// A trace goes through three steps: read (and decompress) a block, work on it (parse or decode), consume it. Reading is serial
// and consuming is serial; work on different blocks is independent, so any thread may do it. That balances itself on two CPUs:
//
//   reading thread:  fill free blocks; while none is free, work on the oldest block that waits
//   consumer:        take the next block in order; if nobody has worked on it yet, work on it here
//   helpers:         (with more CPUs) work on the oldest block that waits
//
// Blocks are a ring: block n of the trace uses slot n mod slots. All transitions happen under one lock, once a block
// (thousands of records), so its cost does not matter; waiting begins with a short spin, as a block is soon ready.

namespace Mmsim.Traces.Blocks;

/// <summary>Reads a trace ahead of its consumer.</summary>
internal sealed class BlockPipeline : IDisposable
{
    private const int SpinsBeforeWait = 40;

    private readonly Lock gate = new();
    private readonly object wake = new();
    private readonly IBlockSource source;
    private readonly TraceBlock[] slots;
    private readonly IReadOnlyList<IBlockWorker> workers;
    private int filled;
    private int consumed;
    private int oldestUnclaimed;
    private volatile int changes;
    private bool isSourceAtEnd;
    private bool isHandedOut;
    private volatile bool isStopping;

    /// <summary>Starts reading.</summary>
    /// <param name="source">Where blocks come from; disposed by the pipeline.</param>
    /// <param name="slots">The ring's blocks, two or more.</param>
    /// <param name="workers">One for the consumer, one for the thread that reads, and one for each helper.</param>
    public BlockPipeline(IBlockSource source, TraceBlock[] slots, IReadOnlyList<IBlockWorker> workers)
    {
        this.source = source;
        this.slots = slots;
        this.workers = workers;
        Start("trace reader", () => Read(workers[1]));
        for (int helper = 2; helper < workers.Count; helper++)
        {
            IBlockWorker worker = workers[helper];
            Start("trace helper", () => Help(worker));
        }
    }

    /// <summary>How many workers a pipeline should be given on this host.</summary>
    public static int WorkerCount => Math.Clamp(Environment.ProcessorCount, 2, 4);

    /// <summary>Hands back the block of the last call, and takes the next one in order.</summary>
    /// <returns>Null at the end of the trace.</returns>
    public TraceBlock? Next()
    {
        Release();
        while (true)
        {
            int seen = changes;
            TraceBlock? mine = null;
            lock (gate)
            {
                if (consumed < filled)
                {
                    TraceBlock next = slots[consumed % slots.Length];
                    if (next.State == TraceBlockState.Ready)
                    {
                        isHandedOut = true;
                        return next;
                    }

                    mine = ClaimOldest();
                }
                else if (isSourceAtEnd)
                {
                    return null;
                }
            }

            if (mine is null)
            {
                WaitForChange(seen);
            }
            else
            {
                WorkOn(mine, workers[0]);
            }
        }
    }

    /// <summary>Ends all work on blocks, and waits until nobody works. Reading ends by itself: it may be waiting for a pipe that never answers.</summary>
    public void Stop()
    {
        isStopping = true;
        Announce();
        foreach (IBlockWorker worker in workers)
        {
            lock (worker)
            {
                // Whoever held it has ended, and nobody begins again.
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Stop();
        foreach (IDisposable worker in workers.OfType<IDisposable>())
        {
            worker.Dispose();
        }
    }

    private static void Start(string name, ThreadStart body) => new Thread(body) { IsBackground = true, Name = name }.Start();

    private void Release()
    {
        if (!isHandedOut)
        {
            return;
        }

        lock (gate)
        {
            slots[consumed % slots.Length].State = TraceBlockState.Empty;
            consumed++;
            isHandedOut = false;
        }

        Announce();
    }

    private void Read(IBlockWorker worker)
    {
        using IBlockSource disposed = source;
        while (!isStopping)
        {
            int seen = changes;
            TraceBlock? free = null;
            TraceBlock? waiting = null;
            lock (gate)
            {
                if (!isSourceAtEnd && filled - consumed < slots.Length)
                {
                    free = slots[filled % slots.Length];
                }
                else
                {
                    waiting = ClaimOldest();
                    if (waiting is null && isSourceAtEnd)
                    {
                        return;
                    }
                }
            }

            if (free is not null)
            {
                FillOne(free);
            }
            else if (waiting is not null)
            {
                WorkOn(waiting, worker);
            }
            else
            {
                WaitForChange(seen);
            }
        }
    }

    private void FillOne(TraceBlock block)
    {
        block.Reset(filled);
        bool isLast;
#pragma warning disable CA1031 // whatever went wrong is thrown again where the consumer comes to it
        try
        {
            isLast = !source.Fill(block);
        }
        catch (Exception error)
        {
            block.Failure = error;
            isLast = true;
        }
#pragma warning restore CA1031

        lock (gate)
        {
            isSourceAtEnd = isLast;
            if (block.Failure is not null)
            {
                block.State = TraceBlockState.Ready;
                filled++;
            }
            else if (!isLast)
            {
                block.State = TraceBlockState.Filled;
                filled++;
            }
        }

        Announce();
    }

    private void Help(IBlockWorker worker)
    {
        while (!isStopping)
        {
            int seen = changes;
            TraceBlock? waiting;
            lock (gate)
            {
                waiting = ClaimOldest();
                if (waiting is null && isSourceAtEnd)
                {
                    return;
                }
            }

            if (waiting is null)
            {
                WaitForChange(seen);
            }
            else
            {
                WorkOn(waiting, worker);
            }
        }
    }

    // Under the lock. Blocks are claimed in order, so that a worker sees its blocks in order.
    private TraceBlock? ClaimOldest()
    {
        while (oldestUnclaimed < filled)
        {
            TraceBlock block = slots[oldestUnclaimed % slots.Length];
            oldestUnclaimed++;
            if (block.State == TraceBlockState.Filled)
            {
                block.State = TraceBlockState.InWork;
                return block;
            }
        }

        return null;
    }

    private void WorkOn(TraceBlock block, IBlockWorker worker)
    {
#pragma warning disable CA1031 // as above
        try
        {
            lock (worker)
            {
                if (!isStopping)
                {
                    worker.Work(block);
                }
            }
        }
        catch (Exception error)
        {
            block.Failure = error;
        }
#pragma warning restore CA1031

        lock (gate)
        {
            block.State = TraceBlockState.Ready;
        }

        Announce();
    }

    private void Announce()
    {
        lock (wake)
        {
            unchecked
            {
                changes++;
            }

            Monitor.PulseAll(wake);
        }
    }

    // A change between the look at the state and this call is not missed: the counter tells.
    private void WaitForChange(int seen)
    {
        SpinWait spin = default;
        for (int i = 0; i < SpinsBeforeWait; i++)
        {
            if (changes != seen)
            {
                return;
            }

            spin.SpinOnce(sleep1Threshold: -1);
        }

        lock (wake)
        {
            while (changes == seen && !isStopping)
            {
                _ = Monitor.Wait(wake);
            }
        }
    }
}
