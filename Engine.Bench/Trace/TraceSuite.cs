// Traces as a user runs them: decompressed, parsed, simulated, on all threads that this takes. Nothing is pinned: the threads
// that read would inherit the CPU of the one that simulates.
//
// text, binary      mmsim run: both passes, boot of the machine, and the replay
// tlb-text, -binary mmsim tlb with the two-level geometry of the truth files
// read-text, -binary the reading alone, one pass
// first-pass, second-pass  the two halves of reading a text for a replay

using Engine.Arm64;
using Engine.Arm64.Tlb;
using Engine.Bench.Harness;
using Mmsim.Cli;
using Mmsim.Replay;
using Mmsim.Traces;
using Mmsim.Traces.Binary;

namespace Engine.Bench.Trace;

/// <summary>How fast traces are read and replayed.</summary>
public sealed class TraceSuite : ISuite
{
    private const string TlbGeometryText = "l1d=48:full,l2=1280:5";

    /// <inheritdoc/>
    public string Name => "trace";

    /// <inheritdoc/>
    public string Description => "Records a second: reading a trace, and replaying it.";

    /// <inheritdoc/>
    public void Run(SuiteContext context)
    {
        string text = context.Options.Input ?? SampleTrace.Path;
        string binary = Path.GetTempFileName();
        try
        {
            RecordedTrace trace = RecordedTrace.Load(text);
            using (FileStream output = File.Create(binary))
            {
                _ = BinaryTraceWriter.Write(trace, output, _ => { }, CancellationToken.None);
            }

            _ = context.Measure(
                Case("text", () => Replay(text)),
                Case("binary", () => Replay(binary)),
                Case("tlb-text", () => RunTlb(text)),
                Case("tlb-binary", () => RunTlb(binary)),
                Case("read-text", () => Drain(TraceFile.OpenStream(text))),
                Case("read-binary", () => Drain(TraceFile.OpenStream(binary))),
                Case("first-pass", () => RecordedTrace.Load(text).Counts.Total),
                Case("second-pass", () => Drain(trace.OpenReader())));
            Watch(text, binary);
        }
        finally
        {
            File.Delete(binary);
        }
    }

    private static WorkloadCase Case(string name, Func<long> run) => new(name, "", "", 1, () => new DelegateWorkload(_ => run())) { IsPinned = false };

    private static void Watch(string text, string binary)
    {
        using RuntimeWatch watch = new();
        RecordedTrace? trace = null;
        TraceReplayer? replayer = null;
        watch.Run("first pass of a text", () => (trace = RecordedTrace.Load(text)).Counts.Total);
        watch.Run("boot", () =>
        {
            replayer = new TraceReplayer(trace!, new MachineOptions());
            return 1;
        });
        watch.Run("replay", () =>
        {
            replayer!.Run(null, CancellationToken.None);
            return trace!.Counts.Total;
        });
        watch.Run("tlb from text", () => RunTlb(text));
        watch.Run("tlb from binary", () => RunTlb(binary));
        replayer?.Dispose();
        RuntimeWatch.Print(watch.Finish());
    }

    private static long Replay(string path)
    {
        RecordedTrace trace = RecordedTrace.Load(path);
        using TraceReplayer replayer = new(trace, new MachineOptions());
        replayer.Run(null, CancellationToken.None);
        if (replayer.HasFailed)
        {
            throw new InvalidOperationException("the replay ended before the trace did");
        }

        return trace.Counts.Total;
    }

    private static long RunTlb(string path)
    {
        if (!TlbSpec.TryParse(TlbGeometryText, out TlbGeometry? geometry, out string? wrong, out _))
        {
            throw new InvalidOperationException(wrong);
        }

        TraceTlb tlb = new(geometry);
        using ITraceStream stream = TraceFile.OpenStream(path);
        RecordCounts counts = default;
        while (stream.TryRead(out AccessRun run))
        {
            tlb.Run(run.Accesses, AccessKinds.Data);
            counts += RecordCounts.Of(run.Accesses);
        }

        _ = stream.CombinePages();
        return counts.Total;
    }

    private static long Drain(IAccessSource source)
    {
        using IAccessSource disposed = source;
        long total = 0;
        while (source.TryRead(out AccessRun run))
        {
            total += run.Accesses.Length;
        }

        return total;
    }
}
