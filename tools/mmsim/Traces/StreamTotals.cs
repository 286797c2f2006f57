using Engine.Arm64.Translation;
using Mmsim.Cli;

namespace Mmsim.Traces;

/// <summary>What was counted while a trace was read once.</summary>
/// <param name="Records">Records by kind.</param>
/// <param name="FailedCalls">System calls that failed in the traced program.</param>
/// <param name="OtherCalls">All other system calls.</param>
/// <param name="IsInterrupted">Whether reading ended before the trace did.</param>
public sealed record StreamTotals(RecordCounts Records, long FailedCalls, long OtherCalls, bool IsInterrupted)
{
    /// <summary>Takes a stretch of accesses.</summary>
    /// <param name="accesses">In the order of the program.</param>
    public delegate void AccessConsumer(ReadOnlySpan<Access> accesses);

    /// <summary>Reads a trace to its end.</summary>
    /// <param name="stream">The trace.</param>
    /// <param name="consume">Takes the accesses.</param>
    /// <param name="progress">Told how much is done.</param>
    /// <param name="interruption">Ends reading.</param>
    public static StreamTotals Read(IAccessSource stream, AccessConsumer consume, Action<double?> progress, Interruption interruption)
    {
        RecordCounts records = default;
        long failed = 0;
        long other = 0;
        while (stream.TryRead(out AccessRun run))
        {
            consume(run.Accesses);
            records += RecordCounts.Of(run.Accesses);
            failed += run.Syscall is { Outcome: SyscallOutcome.Failure } ? 1 : 0;
            other += run.Syscall is not (null or { Outcome: SyscallOutcome.Failure }) ? 1 : 0;
            progress(stream.Progress);
            if (interruption.IsRequested)
            {
                return new StreamTotals(records, failed, other, IsInterrupted: true);
            }
        }

        return new StreamTotals(records, failed, other, IsInterrupted: false);
    }
}
