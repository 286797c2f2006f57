// One case, run round by round. Its threads live as long as the case and meet the harness at three barriers a round:
//
//   harness:  [begin] .......... [ready] ................................................ [done] -> read the times
//   thread t: [begin] Prepare(t) [ready] meet the others awake, take time, Run(t), take time [done]
//
// What prepares a round belongs to it: between its rounds a case is still, so that it takes no CPU from those it is compared with.
// A barrier wakes its threads one after the other, on a busy host far apart: so they meet once more, spinning, and begin together.
// A round's wall time runs from the earliest start to the latest end, so a thread that waits is counted. On a host that is
// busy with other things, CPU time is steadier: then the round takes what its slowest thread took, and so it does where a workload
// times a part of its run itself, as such parts have no common start.

namespace Engine.Bench.Harness;

/// <summary>The threads of one case.</summary>
internal sealed class CaseRunner : IDisposable
{
    private readonly WorkloadCase what;
    private readonly IWorkload workload;
    private readonly Barrier begin;
    private readonly Barrier ready;
    private readonly Barrier done;
    private readonly Thread[] threads;
    private readonly long[] startNs;
    private readonly long[] endNs;
    private readonly long[] operations;
    private readonly double[] cycleNs;
    private readonly List<double> nsRounds = [];
    private readonly List<double> cycleRounds = [];
    private int awake;
    private Exception? failure;
    private bool isStopping;

    public CaseRunner(WorkloadCase what)
    {
        this.what = what;
        workload = what.Create();
        begin = new Barrier(what.Threads + 1);
        ready = new Barrier(what.Threads + 1);
        done = new Barrier(what.Threads + 1);
        startNs = new long[what.Threads];
        endNs = new long[what.Threads];
        operations = new long[what.Threads];
        cycleNs = new double[what.Threads];
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
        begin.SignalAndWait();
        ready.SignalAndWait();
        done.SignalAndWait();
        if (failure is not null)
        {
            throw new InvalidOperationException($"{what.Workload}: {failure.Message}", failure);
        }

        bool isSlowestThread = RoundClock.IsCpuTime || workload.OwnNanoseconds(0) is not null;
        long ns = isSlowestThread ? endNs.Zip(startNs, (end, start) => end - start).Max() : endNs.Max() - startNs.Min();
        LastRound = TimeSpan.FromTicks(ns / TimeSpan.NanosecondsPerTick);
        long total = operations.Sum();
        if (isCounted && total > 0)
        {
            nsRounds.Add((double)ns * what.Threads / total);
            cycleRounds.Add((double)ns * what.Threads / total / cycleNs.Average());
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

        double median = Median(sorted);
        return new Measurement(suite, what, median, sorted[0], sorted[^1], 1000.0 * what.Threads / median, sorted.Length, Median([.. cycleRounds.Order()]));
    }

    public void Dispose()
    {
        isStopping = true;
        begin.SignalAndWait();
        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        workload.Dispose();
        begin.Dispose();
        ready.Dispose();
        done.Dispose();
    }

    private static double Median(double[] sorted) => (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;

    private void Loop(int index)
    {
        if (what.IsPinned)
        {
            _ = CpuPinning.Pin(index);
        }

        while (true)
        {
            begin.SignalAndWait();
            if (isStopping)
            {
                return;
            }

            Guard(() => workload.Prepare(index));
            ready.SignalAndWait();
            double before = HostCycle.Nanoseconds();
            MeetAwake();
            startNs[index] = RoundClock.Now();
            Guard(() => operations[index] = workload.Run(index));
            endNs[index] = RoundClock.Now();
            startNs[index] = workload.OwnNanoseconds(index) is { } own ? endNs[index] - own : startNs[index];
            cycleNs[index] = (before + HostCycle.Nanoseconds()) / 2;
            done.SignalAndWait();
        }
    }

    private void MeetAwake()
    {
        // A round's last to come lets all go: their number is then a multiple of the threads.
        int arrived = Interlocked.Increment(ref awake);
        int complete = (arrived + threads.Length - 1) / threads.Length * threads.Length;
        while (Volatile.Read(ref awake) < complete)
        {
            Thread.SpinWait(1);
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
