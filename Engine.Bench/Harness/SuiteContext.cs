// How a figure is taken. Warm-up goes by time, not by count: the runtime recompiles hot code in the background, and how
// many rounds that takes says nothing. Cases that are to be compared go in one call and are interleaved round by round,
// so that a busy neighbour hits all of them alike.

using System.Diagnostics;
using Spectre.Console;

namespace Engine.Bench.Harness;

/// <summary>Measures on behalf of a suite.</summary>
public sealed class SuiteContext
{
    private readonly string suite;
    private readonly List<Measurement> measurements = [];

    /// <summary>Creates the context of one run of a suite.</summary>
    public SuiteContext(string suite, SuiteOptions options)
    {
        this.suite = suite;
        Options = options;
    }

    /// <summary>What the command line said.</summary>
    public SuiteOptions Options { get; }

    /// <summary>Everything measured so far, in order.</summary>
    public IReadOnlyList<Measurement> Measurements => measurements;

    /// <summary>How long each case warms up.</summary>
    public TimeSpan WarmUp => Options.IsQuick ? TimeSpan.FromMilliseconds(200) : TimeSpan.FromSeconds(1.5);

    /// <summary>How many rounds are timed.</summary>
    public int Rounds => Options.IsQuick ? 3 : 15;

    /// <summary>The most time that a case's timed rounds may take together; at least three rounds are timed all the same.</summary>
    public TimeSpan TimeLimit => Options.IsQuick ? TimeSpan.FromSeconds(1) : TimeSpan.FromSeconds(10);

    /// <summary>The threads that a multi-threaded case uses: the option's, or the host's CPUs.</summary>
    public int Threads => Options.Threads > 0 ? Options.Threads : Environment.ProcessorCount;

    /// <summary>
    /// Measures cases against each other: all are built, each is warmed up, then their rounds alternate.
    /// A round should take 5 ms or more; what it builds lives until the call returns.
    /// </summary>
    /// <returns>One measurement a case, in the same order, those left out that the options do not want; they also go to the table.</returns>
    public IReadOnlyList<Measurement> Measure(params IReadOnlyList<WorkloadCase> cases)
    {
        cases = [.. cases.Where(one => Options.Only.Count == 0 || Options.Only.Any(name => one.Workload.StartsWith(name, StringComparison.Ordinal)))];
        RoundClock.IsCpuTime = Options.IsCpuTime;
        List<CaseRunner> runners = [];
        try
        {
            foreach (WorkloadCase one in cases)
            {
                CaseRunner runner = new(one);
                runners.Add(runner);
                WarmUpCase(runner);
            }

            TimeSpan spent = TimeSpan.Zero;
            for (int round = 0; round < Rounds && (round < 3 || spent < TimeLimit * cases.Count); round++)
            {
                foreach (CaseRunner runner in runners)
                {
                    runner.Round(isCounted: true);
                    spent += runner.LastRound;
                }
            }

            Measurement[] results = [.. runners.Select(runner => runner.Summarize(suite))];
            measurements.AddRange(results);
            return results;
        }
        finally
        {
            foreach (CaseRunner runner in runners)
            {
                runner.Dispose();
            }
        }
    }

    /// <summary>Says something beside the table.</summary>
    public static void Note(string text) => AnsiConsole.MarkupLineInterpolated($"{text}");

    private void WarmUpCase(CaseRunner runner)
    {
        long start = Stopwatch.GetTimestamp();
        do
        {
            runner.Round(isCounted: false);
        }
        while (Stopwatch.GetElapsedTime(start) < WarmUp);
    }
}
