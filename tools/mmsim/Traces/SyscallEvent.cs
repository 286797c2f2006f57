namespace Mmsim.Traces;

/// <summary>One system call of the traced program, with its result.</summary>
/// <param name="RecordIndex">How many access records of the trace come before its effect: it takes effect before the record with this 0-based index.</param>
/// <param name="Thread">The thread that called (valgrind's number, from 1).</param>
/// <param name="Number">The system call's number on the traced machine (x86-64: 9 is mmap).</param>
/// <param name="Name">Its name without the <c>sys_</c> that valgrind prints: <c>mmap</c>; empty where valgrind does not know it.</param>
/// <param name="Args">Its arguments in order; a negative one is in two's complement over 64 bits. valgrind prints some 32-bit arguments unsigned: a file descriptor of -1 may be 4294967295.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Result">The returned value on success, the (positive) errno on failure, 0 if unfinished.</param>
public sealed record SyscallEvent(
    long RecordIndex, uint Thread, uint Number, string Name, IReadOnlyList<ulong> Args, SyscallOutcome Outcome, ulong Result)
{
    /// <summary>The most arguments that are kept.</summary>
    public const int ArgsMax = 16;

    /// <summary>The path that valgrind prints in brackets behind a pointer, as for <c>openat</c>: <c>/etc/ld.so.cache</c>; null where it prints none.</summary>
    public string? Path { get; init; }

    /// <summary>Whether the call did what it was asked to do.</summary>
    public bool IsSuccess => Outcome == SyscallOutcome.Success;

    /// <summary>Argument <paramref name="index"/>, or 0 where valgrind printed fewer.</summary>
    public ulong Arg(int index) => index < Args.Count ? Args[index] : 0;

    /// <summary>The call as one line, for messages.</summary>
    public override string ToString() =>
        $"{Name}({string.Join(", ", Args.Select(arg => $"0x{arg:x}"))}) = {Outcome} 0x{Result:x} before record {RecordIndex}";
}
