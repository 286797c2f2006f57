using System.Diagnostics.Tracing;

namespace Engine.Bench.Harness;

/// <summary>Marks the phases of a measurement in the runtime's own event stream.</summary>
[EventSource(Name = SourceName)]
internal sealed class PhaseEvents : EventSource
{
    /// <summary>The name that a session enables.</summary>
    public const string SourceName = "Engine-Bench-Phases";

    /// <summary>The number of <see cref="Begin"/>.</summary>
    public const int BeginId = 1;

    /// <summary>The number of <see cref="End"/>.</summary>
    public const int EndId = 2;

    /// <summary>The one source.</summary>
    public static readonly PhaseEvents Log = new();

    /// <summary>A phase begins.</summary>
    [Event(BeginId, Level = EventLevel.Informational)]
    public void Begin(string phase) => WriteEvent(BeginId, phase);

    /// <summary>A phase ends.</summary>
    [Event(EndId, Level = EventLevel.Informational)]
    public void End(string phase) => WriteEvent(EndId, phase);
}
