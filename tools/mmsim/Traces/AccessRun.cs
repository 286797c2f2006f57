using Engine.Arm64.Translation;

namespace Mmsim.Traces;

/// <summary>
/// A stretch of a trace: accesses that follow each other, and the system call, if any, that comes after the last of them.
/// Valid until the next one is read.
/// </summary>
public readonly ref struct AccessRun
{
    internal AccessRun(ReadOnlySpan<Access> accesses, SyscallEvent? syscall)
    {
        Accesses = accesses;
        Syscall = syscall;
    }

    /// <summary>The accesses, in the order of the program; may be empty.</summary>
    public ReadOnlySpan<Access> Accesses { get; }

    /// <summary>The system call that takes effect after <see cref="Accesses"/>, or null.</summary>
    public SyscallEvent? Syscall { get; }
}
