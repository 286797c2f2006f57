using Engine.Arm64.Tlb;
using Engine.Bench.Harness;
using Mmsim.Traces;

namespace Engine.Bench.Trace;

/// <summary>How fast traces are read and replayed.</summary>
public sealed class TraceSuite : ISuite
{
    /// <inheritdoc/>
    public string Name => "trace";

    /// <inheritdoc/>
    public string Description => "Records a second: reading a trace, and replaying it.";

    /// <inheritdoc/>
    public void Run(SuiteContext context)
    {
        string path = context.Options.Input ?? SampleTrace.Path;
        RecordedTrace trace = RecordedTrace.Load(path);
        _ = context.Measure(
            new WorkloadCase("first-pass", "", "", 1, () => new DelegateWorkload(_ => RecordedTrace.Load(path).Counts.Total)) { IsPinned = false },
            new WorkloadCase("tlb-text", "", "", 1, () => new DelegateWorkload(_ => RunTlb(path))) { IsPinned = false },
            new WorkloadCase("second-pass", "", "", 1, () => new DelegateWorkload(_ => ReadAll(trace))) { IsPinned = false });
    }

    private static long RunTlb(string path)
    {
        _ = TlbSpec.TryParse("l1d=48:full,l2=1280:5", out TlbGeometry? geometry, out _, out _);
        TraceTlb tlb = new(geometry!);
        using ITraceStream stream = TraceFile.OpenStream(path);
        long total = 0;
        while (stream.TryRead(out AccessRun run))
        {
            tlb.Run(run.Accesses, AccessKinds.Data);
            total += run.Accesses.Length;
        }

        return total;
    }

    private static long ReadAll(RecordedTrace trace)
    {
        using IAccessSource source = trace.OpenReader();
        long total = 0;
        while (source.TryRead(out AccessRun run))
        {
            total += run.Accesses.Length;
        }

        return total;
    }
}
