namespace Engine.Arm64;

/// <summary>What a new process shares with its maker: <c>CLONE_*</c> (include/uapi/linux/sched.h), as far as clone checks them or memory depends on them.</summary>
[Flags]
public enum CloneFlags : ulong
{
    /// <summary>Nothing: fork.</summary>
    None = 0,

    /// <summary>CLONE_VM: the memory.</summary>
    Vm = 0x100,

    /// <summary>CLONE_FS: root and current folder.</summary>
    Fs = 0x200,

    /// <summary>CLONE_FILES: the table of open files.</summary>
    Files = 0x400,

    /// <summary>CLONE_SIGHAND: the signal handlers; needs <see cref="Vm"/>.</summary>
    SigHand = 0x800,

    /// <summary>CLONE_VFORK: the maker sleeps until the new process runs another program or ends.</summary>
    Vfork = 0x4000,

    /// <summary>CLONE_THREAD: the thread group; needs <see cref="SigHand"/>. Here a thread is a process that shares the memory.</summary>
    Thread = 0x1_0000,

    /// <summary>CLONE_NEWNS: mounts of its own; not together with <see cref="Fs"/>.</summary>
    NewNs = 0x2_0000,

    /// <summary>CLONE_NEWUSER: users of its own; not together with <see cref="Fs"/>.</summary>
    NewUser = 0x1000_0000,
}
