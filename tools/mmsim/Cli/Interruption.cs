using System.Runtime.InteropServices;

namespace Mmsim.Cli;

/// <summary>
/// Turns Ctrl-C (and a request to terminate) into a request that long work looks at, so that it can report what it reached
/// and end with <see cref="ExitCode.Interrupted"/>. A second Ctrl-C ends the process at once.
/// </summary>
public sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource source = new();
    private readonly PosixSignalRegistration[] registrations;

    /// <summary>Starts to listen.</summary>
    public Interruption() => registrations = [PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle), PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle)];

    /// <summary>Whether to stop.</summary>
    public bool IsRequested => source.IsCancellationRequested;

    /// <summary>The same as a token.</summary>
    public CancellationToken Token => source.Token;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in registrations)
        {
            registration.Dispose();
        }

        source.Dispose();
    }

    private void Handle(PosixSignalContext context)
    {
        context.Cancel = !source.IsCancellationRequested;
        source.Cancel();
    }
}
