namespace Mmsim.Traces.Lackey;

/// <summary>A line of a lackey log that is not an access record, as far as one line tells.</summary>
/// <param name="Kind">Which form it has.</param>
/// <param name="RecordInBlock">How many records of the same block come before it.</param>
/// <param name="Process">The process, or 0 where the line names none.</param>
/// <param name="Thread">The thread, or 0 where the line names none.</param>
/// <param name="Number">The system call's number.</param>
/// <param name="Name">Its name without <c>sys_</c>, or empty.</param>
/// <param name="Args">Its arguments.</param>
/// <param name="Outcome">How it ended, if the line says.</param>
/// <param name="Result">The value or errno.</param>
internal sealed record SpecialLine(
    SpecialLineKind Kind,
    int RecordInBlock,
    uint Process,
    uint Thread,
    uint Number,
    string Name,
    ulong[] Args,
    SyscallOutcome Outcome,
    ulong Result)
{
    /// <summary>The first path in brackets behind an argument, or null.</summary>
    public string? Path { get; init; }
}
