// System calls from lines, in file order. A call that may block is printed when it starts and again when it ends, and other
// threads may run in between; it takes effect where it ends. Calls are matched by thread: a thread has one at a time.

namespace Mmsim.Traces.Lackey;

/// <summary>Puts the lines of system calls together.</summary>
internal sealed class SyscallPairing
{
    private readonly Dictionary<(uint Process, uint Thread), SpecialLine> pending = [];
    private SpecialLine? latest;

    /// <summary>Takes the next line.</summary>
    /// <param name="line">The line.</param>
    /// <param name="recordIndex">How many records of the whole trace come before it.</param>
    /// <returns>The call that the line completes, or null.</returns>
    public SyscallEvent? Add(SpecialLine line, long recordIndex)
    {
        switch (line.Kind)
        {
            case SpecialLineKind.Whole:
                _ = pending.Remove((line.Process, line.Thread));
                latest = null;
                return Complete(line, line, recordIndex);
            case SpecialLineKind.Started:
                pending[(line.Process, line.Thread)] = line;
                latest = line;
                return null;
            case SpecialLineKind.Finished:
                // A log that was cut at the front may lack the start: then only number and result are known.
                latest = latest is not null && latest.Thread == line.Thread && latest.Process == line.Process ? null : latest;
                bool isKnown = pending.Remove((line.Process, line.Thread), out SpecialLine? start) && start!.Number == line.Number;
                return Complete(isKnown ? start! : line, line, recordIndex);
            case SpecialLineKind.ResultOnly when latest is not null:
                SpecialLine call = latest;
                latest = null;
                _ = pending.Remove((call.Process, call.Thread));
                return Complete(call, line, recordIndex);
            default:
                return null;
        }
    }

    /// <summary>The calls that never ended, in the order of their threads.</summary>
    /// <param name="recordIndex">How many records the trace has.</param>
    public IEnumerable<SyscallEvent> Unfinished(long recordIndex) =>
        pending.OrderBy(pair => pair.Key).Select(pair => Complete(pair.Value, pair.Value, recordIndex));

    private static SyscallEvent Complete(SpecialLine call, SpecialLine end, long recordIndex) =>
        new(recordIndex, call.Thread, call.Number, call.Name, call.Args, end.Outcome, end.Result) { Path = call.Path };
}
