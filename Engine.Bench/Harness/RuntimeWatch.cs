// The process watches itself: it opens a diagnostic session to its own runtime and has it send allocation ticks, garbage
// collections and compilations, with marks of its own between them. The stream goes to a file unread while the measurement
// runs, and is read when it is over, so that reading it allocates nothing in a phase.

using System.Diagnostics.Tracing;
using System.Globalization;
using Microsoft.Diagnostics.NETCore.Client;
using Microsoft.Diagnostics.Tracing;
using Microsoft.Diagnostics.Tracing.Parsers;
using Microsoft.Diagnostics.Tracing.Parsers.Clr;
using Spectre.Console;

namespace Engine.Bench.Harness;

/// <summary>Asks the runtime what it allocated and compiled during the phases of a measurement.</summary>
internal sealed class RuntimeWatch : IDisposable
{
    private const int CircularBufferMegabytes = 64;

    private readonly string path = Path.GetTempFileName();
    private readonly EventPipeSession session;
    private readonly Thread copier;
    private readonly List<RuntimePhase> phases = [];

    /// <summary>Opens the session.</summary>
    public RuntimeWatch()
    {
        const ClrTraceEventParser.Keywords Keywords = ClrTraceEventParser.Keywords.GC | ClrTraceEventParser.Keywords.Jit;
        EventPipeProvider[] providers =
        [
            new("Microsoft-Windows-DotNETRuntime", EventLevel.Verbose, (long)Keywords),
            new(PhaseEvents.SourceName, EventLevel.Informational),
        ];
        session = new DiagnosticsClient(Environment.ProcessId).StartEventPipeSession(providers, requestRundown: false, CircularBufferMegabytes);
        copier = new Thread(Copy) { IsBackground = true, Name = "runtime watch" };
        copier.Start();
    }

    /// <summary>Runs a phase under watch.</summary>
    /// <param name="name">What it is.</param>
    /// <param name="phase">Does it, and says how many operations it did.</param>
    public void Run(string name, Func<long> phase)
    {
        long before = GC.GetTotalAllocatedBytes(precise: true);
        PhaseEvents.Log.Begin(name);
        long operations = phase();
        PhaseEvents.Log.End(name);
        phases.Add(new RuntimePhase(name, operations) { AllocatedBytes = GC.GetTotalAllocatedBytes(precise: true) - before });
    }

    /// <summary>Closes the session, and reads what the runtime said.</summary>
    public IReadOnlyList<RuntimePhase> Finish()
    {
        session.Stop();
        copier.Join();
        using EventPipeEventSource source = new(path);
        RuntimePhase outside = new("outside of all phases", 0);
        RuntimePhase current = outside;
        source.Dynamic.AddCallbackForProviderEvent(PhaseEvents.SourceName, nameof(PhaseEvents.Begin), data => current = phases.Find(phase => phase.Name == (string)data.PayloadValue(0)) ?? outside);
        source.Dynamic.AddCallbackForProviderEvent(PhaseEvents.SourceName, nameof(PhaseEvents.End), _ => current = outside);
        source.Clr.GCAllocationTick += data => Add(current, data);
        source.Clr.GCStart += _ => current.Collections++;
        source.Clr.MethodJittingStarted += _ => current.CompiledMethods++;
        _ = source.Process();
        return phases;
    }

    /// <summary>Prints the phases.</summary>
    public static void Print(IReadOnlyList<RuntimePhase> phases)
    {
        Table table = new Table().Border(TableBorder.Simple).Title("[grey]the runtime's own account (EventPipe)[/]");
        foreach (string column in (string[])["phase", "operations", "bytes allocated", "bytes/operation", "ticks small", "ticks large", "collections", "compiled", "most bytes"])
        {
            _ = table.AddColumn(new TableColumn(column).NoWrap());
        }

        foreach (RuntimePhase phase in phases)
        {
            string most = string.Join(", ", phase.BytesByType.OrderByDescending(pair => pair.Value).Take(2).Select(pair => $"{pair.Key} {pair.Value / 1024} KiB"));
            _ = table.AddRow(
                phase.Name.EscapeMarkup(),
                phase.Operations.ToString("N0", CultureInfo.InvariantCulture),
                phase.AllocatedBytes.ToString("N0", CultureInfo.InvariantCulture),
                (phase.AllocatedBytes / (double)Math.Max(1, phase.Operations)).ToString("0.0000", CultureInfo.InvariantCulture),
                phase.SmallTicks.ToString(CultureInfo.InvariantCulture),
                phase.LargeTicks.ToString(CultureInfo.InvariantCulture),
                phase.Collections.ToString(CultureInfo.InvariantCulture),
                phase.CompiledMethods.ToString(CultureInfo.InvariantCulture),
                most.EscapeMarkup());
        }

        AnsiConsole.Write(table);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        session.Dispose();
        File.Delete(path);
    }

    private static void Add(RuntimePhase phase, GCAllocationTickTraceData data)
    {
        bool isLarge = data.AllocationKind != GCAllocationKind.Small;
        phase.LargeTicks += isLarge ? 1 : 0;
        phase.SmallTicks += isLarge ? 0 : 1;
        phase.BytesByType[data.TypeName] = phase.BytesByType.GetValueOrDefault(data.TypeName) + data.AllocationAmount64;
    }

    private void Copy()
    {
        using FileStream file = File.Create(path);
        session.EventStream.CopyTo(file);
    }
}
