using Engine.Arm64.Processes;
using Engine.Arm64.Units;

namespace Engine.Arm64.Exec;

/// <summary>How exec ended, and what the program finds in its registers.</summary>
public readonly record struct ExecResult
{
    /// <summary>None, or ENOEXEC (no program for this machine), EACCES, ENOENT (no such dynamic linker), ELIBBAD (that is no ELF file), E2BIG, ENOMEM, EINVAL, EFAULT, EIO, EEXIST.</summary>
    public Errno Errno { get; init; }

    /// <summary>Whether it failed when the old memory was gone already: the kernel kills the process, and it has ended.</summary>
    public bool IsKilled { get; init; }

    /// <summary>Where execution begins: the dynamic linker's entry, or the program's.</summary>
    public VirtAddr EntryPoint { get; init; }

    /// <summary>The stack pointer: it points to argc.</summary>
    public VirtAddr StackPointer { get; init; }

    /// <summary>The program's own entry (<c>AT_ENTRY</c>).</summary>
    public VirtAddr ProgramEntry { get; init; }

    /// <summary>Where the dynamic linker was loaded (<c>AT_BASE</c>); 0 without one.</summary>
    public VirtAddr InterpreterBase { get; init; }

    /// <summary>Where the vDSO is (<c>AT_SYSINFO_EHDR</c>).</summary>
    public VirtAddr Vdso { get; init; }

    /// <summary>A failure that left the process as it was.</summary>
    internal static ExecResult Refused(Errno errno) => new() { Errno = errno };
}
