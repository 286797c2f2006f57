namespace Mmsim.Traces;

/// <summary>A trace being read from its first record to its last. Reading happens ahead of the consumer, on another thread.</summary>
public interface IAccessSource : IDisposable
{
    /// <summary>How much of the trace has been handed out, 0 to 1, or null where the length is not known (a pipe).</summary>
    public double? Progress { get; }

    /// <summary>Hands out the next stretch.</summary>
    /// <param name="run">The stretch; its memory is reused by the next call.</param>
    /// <returns>False at the end of the trace.</returns>
    /// <exception cref="Cli.InputException">The trace is not what it should be.</exception>
    public bool TryRead(out AccessRun run);
}
