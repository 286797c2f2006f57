using Engine.Arm64.Processes;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <content>fork and exit.</content>
public sealed partial class Process
{
    /// <summary>Copies the process (<c>fork</c>): the same mappings, private pages shared until one of the two writes.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="name">The child's name.</param>
    /// <returns>The child; null where a limit or memory is exceeded (<c>ENOMEM</c>).</returns>
    public Process? Fork(CpuId cpu, string name)
    {
        Process? child = Machine.TryCreateProcess(cpu, name);
        if (child is null)
        {
            return null;
        }

        child.Cgroup = Cgroup;
        Errno errno = Memory.Fork(cpu, child.Memory);

        // Writable entries of this process became read-only; one flush covers them all (dup_mmap).
        FlushAll();
        if (errno == Errno.None)
        {
            return child;
        }

        child.Exit(cpu);
        return null;
    }

    /// <summary>Ends the process: everything it maps is given back. It must not be used afterwards.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    public void Exit(CpuId cpu)
    {
        Memory.Exit(cpu);
        FlushAll();
        Tables.Destroy(cpu);
        Machine.RemoveProcess(this);
    }
}
