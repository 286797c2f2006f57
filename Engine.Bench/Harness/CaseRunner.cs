// One case, run round by round. Its threads live as long as the case and meet the harness at two barriers a round:
//
//   harness:  signal round -> [ready] ............................. [done] -> read the times
//   thread t: Prepare(t)      [ready] take time, Run(t), take time  [done]
//
// A round's wall time runs from the earliest start to the latest end, so a thread that waits is counted.

using System.Diagnostics;

namespace Engine.Bench.Harness;

/// <summary>The threads of one case.</summary>
internal sealed class CaseRunner : IDisposable
{
    private readonly WorkloadCase what;
    private readonly IWorkload workload;
    private readonly Barrier ready;
    private readonly Barrier done;
    private readonly Thread[] threads;
    private readonly long[] startTicks;
    private readonly long[] endTicks;
    private readonly long[] operations;
    private readonly List<double> nsRounds = [];
    private Exception? failure;
    private bool isStopping;

    public CaseRunner(WorkloadCase what)
    {
        this.what = what;
        workload = what.Create();
        ready = new Barrier(what.Threads + 1);
        done = new Barrier(what.Threads + 1);
        startTicks = new long[what.Threads];
        endTicks = new long[what.Threads];
        operations = new long[what.Threads];
        threads = [.. Enumerable.Range(0, what.Threads).Select(index => new Thread(() => Loop(index)) { IsBackground = true, Name = $"bench {index}" })];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }
    }

    /// <summary>How long the last round took, preparation not counted.</summary>
    public TimeSpan LastRound { get; private set; }

    /// <summary>Runs a round and, if <paramref name="isCounted"/>, keeps its time.</summary>
    public void Round(bool isCounted)
    {
        ready.SignalAndWait();
        done.SignalAndWait();
        if (failure is not null)
        {
            throw new InvalidOperationException($"{what.Workload}: {failure.Message}", failure);
        }

        LastRound = TimeSpan.FromSeconds((endTicks.Max() - startTicks.Min()) / (double)Stopwatch.Frequency);
        long total = operations.Sum();
        if (isCounted && total > 0)
        {
            nsRounds.Add(LastRound.TotalNanoseconds * what.Threads / total);
        }
    }

    /// <summary>What the counted rounds say.</summary>
    public Measurement Summarize(string suite)
    {
        double[] sorted = [.. nsRounds.Order()];
        if (sorted.Length == 0)
        {
            throw new InvalidOperationException($"{what.Workload}: no round did an operation");
        }

        double median = (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
        return new Measurement(suite, what, median, sorted[0], sorted[^1], 1000.0 * what.Threads / median, sorted.Length);
    }

    public void Dispose()
    {
        isStopping = true;
        ready.SignalAndWait();
        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        workload.Dispose();
        ready.Dispose();
        done.Dispose();
    }

    private void Loop(int index)
    {
        if (what.IsPinned)
        {
            _ = CpuPinning.Pin(index);
        }

        while (true)
        {
            Guard(() => workload.Prepare(index));
            ready.SignalAndWait();
            if (isStopping)
            {
                return;
            }

            startTicks[index] = Stopwatch.GetTimestamp();
            Guard(() => operations[index] = workload.Run(index));
            endTicks[index] = Stopwatch.GetTimestamp();
            done.SignalAndWait();
        }
    }

    // A thread that died would leave the others at the barrier for ever.
    private void Guard(Action step)
    {
        if (failure is not null)
        {
            return;
        }

#pragma warning disable CA1031 // it is thrown again on the harness's thread
        try
        {
            step();
        }
        catch (Exception error)
        {
            failure = error;
        }
#pragma warning restore CA1031
    }
}
