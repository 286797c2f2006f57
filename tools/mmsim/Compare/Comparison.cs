using System.Diagnostics;
using Engine.Core.Units;
using Mmsim.Cli;
using Mmsim.Replay;
using Mmsim.Traces;

namespace Mmsim.Compare;

/// <summary>Replays a trace once for each variant, as many at a time as the host has cores. The trace is parsed once.</summary>
internal static class Comparison
{
    /// <summary>Replays all variants.</summary>
    /// <param name="trace">The trace.</param>
    /// <param name="variants">The machines.</param>
    /// <param name="progress">Told from time to time how much is done.</param>
    /// <param name="cancellation">Ends all replays with what they reached.</param>
    /// <returns>The results in the order of the variants.</returns>
    /// <exception cref="InputException">A machine cannot be booted.</exception>
    public static VariantResult[] Run(RecordedTrace trace, IReadOnlyList<Variant> variants, Action<double?> progress, CancellationToken cancellation)
    {
        VariantResult[] results = new VariantResult[variants.Count];
        double[] done = new double[variants.Count];
        try
        {
            Parallel.For(0, variants.Count, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, i =>
                results[i] = Replay(trace, variants[i], part =>
                {
                    Volatile.Write(ref done[i], part ?? 0);
                    progress(done.Sum() / done.Length);
                }, cancellation));
        }
        catch (AggregateException errors)
        {
            // All that a replay throws is bad input or the host's limits; the first stands for all.
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(errors.InnerExceptions[0]);
        }

        return results;
    }

    private static VariantResult Replay(RecordedTrace trace, Variant variant, Action<double?> progress, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        using TraceReplayer replayer = Boot(trace, variant);
        replayer.Run(progress, cancellation);
        RunResult run = replayer.GetResult(Stopwatch.GetElapsedTime(start).TotalSeconds);
        TouchedPages touched = new(trace.Pages.Entries);
        replayer.Process.Tables.Visit(default, replayer.Process.Memory.Options.TaskSize.ToUInt64(), ref touched);
        ulong pages = run.Memory.RssAnonymousPages + run.Memory.CachedPages;
        return new VariantResult
        {
            Variant = variant,
            Run = run,
            Cycles = replayer.Machine.Cpus[0].Mmu.Cycles,
            UsedBytes = (pages + run.Memory.PageTablePages) << Pfn.PageShift,
            WastedBytes = (pages - Math.Min(pages, touched.Count)) << Pfn.PageShift,
        };
    }

    private static TraceReplayer Boot(RecordedTrace trace, Variant variant)
    {
        try
        {
            return new TraceReplayer(trace, variant.Options);
        }
        catch (ArgumentException error)
        {
            throw new InputException($"variant '{variant.Label}': {error.Message}", "more memory");
        }
    }
}
