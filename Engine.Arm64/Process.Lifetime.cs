using Engine.Arm64.Processes;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <content>fork, vfork, clone and exit (kernel/fork.c, kernel/exit.c).</content>
public sealed partial class Process
{
    private Process? vforkParent;

    /// <summary>The process that this one waits for since it called vfork; null where it may run. Nothing here keeps a CPU from running it.</summary>
    public Process? VforkChild { get; private set; }

    /// <summary>Copies the process (<c>fork</c>): the same mappings, private pages shared until one of the two writes.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="name">The child's name.</param>
    /// <returns>The child; null where a limit or memory is exceeded (<c>ENOMEM</c>).</returns>
    public Process? Fork(CpuId cpu, string name) => Clone(cpu, name, CloneFlags.None, out Process? child).IsError ? null : child;

    /// <summary>Makes a process that uses this one's memory until it runs another program or ends; this one waits for that (<c>vfork</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="name">The child's name.</param>
    /// <param name="child">The child; null where the call failed.</param>
    /// <returns>The child's number.</returns>
    public SyscallResult Vfork(CpuId cpu, string name, out Process? child) => Clone(cpu, name, CloneFlags.Vm | CloneFlags.Vfork, out child);

    /// <summary>Makes a process (<c>clone</c>; <c>copy_process</c>, kernel/fork.c).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="name">The child's name.</param>
    /// <param name="flags">What the two share. The low byte, the signal at the child's end, is ignored.</param>
    /// <param name="child">The child; null where the call failed.</param>
    /// <returns>The child's number; EINVAL for flags that do not go together; ENOMEM where a limit or memory is exceeded.</returns>
    public SyscallResult Clone(CpuId cpu, string name, CloneFlags flags, out Process? child)
    {
        child = null;
        if (IsContradictory(flags))
        {
            return Errno.EINVAL;
        }

        child = (flags & CloneFlags.Vm) != 0 ? Machine.CreateSharing(this, name) : TryCopy(cpu, name);
        if (child is null)
        {
            return Errno.ENOMEM;
        }

        child.ParentPid = Pid;
        child.BlocksOnInput = BlocksOnInput;
        if ((flags & CloneFlags.Vfork) != 0)
        {
            VforkChild = child;
            child.vforkParent = this;
        }

        return SyscallResult.FromValue((ulong)child.Pid);
    }

    /// <summary>Ends the process: what it maps is given back, once nobody shares it. It must not be used afterwards.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    public void Exit(CpuId cpu)
    {
        StopWaiting();
        WakeVforkParent();
        LeaveSpace(cpu);
        Machine.RemoveProcess(this);
        foreach (Process child in Machine.Processes.Where(child => child.ParentPid == Pid))
        {
            child.ParentPid = 0;
        }
    }

    private static bool IsContradictory(CloneFlags flags)
    {
        const CloneFlags mounts = CloneFlags.NewNs | CloneFlags.Fs;
        const CloneFlags users = CloneFlags.NewUser | CloneFlags.Fs;
        return (flags & mounts) == mounts
            || (flags & users) == users
            || (flags & (CloneFlags.Thread | CloneFlags.SigHand)) == CloneFlags.Thread
            || (flags & (CloneFlags.SigHand | CloneFlags.Vm)) == CloneFlags.SigHand;
    }

    // dup_mm
    private Process? TryCopy(CpuId cpu, string name)
    {
        Process? child = Machine.TryCreateProcess(cpu, name);
        if (child is null)
        {
            return null;
        }

        child.Cgroup = Cgroup;
        space.Sharers ??= new FrameSharers();
        child.space.Sharers = space.Sharers;
        child.Memory.Limits = Memory.Limits.Copy();
        Errno errno;
        using (FrameSharers.Begin(space.Sharers, cpu))
        {
            errno = Memory.Fork(cpu, child.Memory);
        }

        // Writable entries of this process became read-only; one flush covers them all (dup_mmap).
        FlushAll();
        if (errno == Errno.None)
        {
            child.space.AuxiliaryVector = space.AuxiliaryVector;
            return child;
        }

        child.Exit(cpu);
        return null;
    }

    // complete_vfork_done
    private void WakeVforkParent()
    {
        if (vforkParent is not null)
        {
            vforkParent.VforkChild = null;
            vforkParent = null;
        }
    }

    private void LeaveSpace(CpuId cpu)
    {
        AddressSpace old = space;
        if (old.Release(cpu, this))
        {
            Machine.Unbind(old);
        }
        else if (!old.IsReleased)
        {
            Machine.Bind(old);
        }
    }
}
