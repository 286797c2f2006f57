using System.Diagnostics.CodeAnalysis;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <content>The living processes, by number and by address space.</content>
public sealed partial class Machine
{
    private readonly List<Process> processes = [];
    private readonly Dictionary<PhysAddr, Process> processesByMemory = [];
    private readonly Process?[] acting;
    private int lastPid;

    /// <summary>The living processes.</summary>
    public IReadOnlyList<Process> Processes => processes;

    /// <summary>Makes a process with an empty address space.</summary>
    /// <param name="name">As <c>ps</c> shows it.</param>
    /// <exception cref="InsufficientMemoryException">The simulated memory has no room for its tables.</exception>
    public Process CreateProcess(string name) =>
        TryCreateProcess(cpus[0].Id, name) ?? throw new InsufficientMemoryException($"the simulated memory has no room for process '{name}'");

    /// <summary>How many page-table entries map a frame (<c>/proc/kpagecount</c>).</summary>
    /// <returns>0 where the frame has no descriptor.</returns>
    public ulong CountMappings(Pfn pfn) => Pages.Frames.IsValid(pfn) ? (ulong)Math.Max(0, Pages.Frames[pfn].MapCount) : 0;

    internal Process? TryCreateProcess(CpuId cpu, string name)
    {
        Process? process = Process.TryCreate(this, cpu, lastPid + 1, name);
        if (process is not null)
        {
            lastPid++;
            processes.Add(process);
            processesByMemory.Add(process.Memory.Address, process);
        }

        return process;
    }

    internal void RemoveProcess(Process process)
    {
        processes.Remove(process);
        processesByMemory.Remove(process.Memory.Address);
    }

    internal bool TryFindProcess(PhysAddr memory, [NotNullWhen(true)] out Process? process) => processesByMemory.TryGetValue(memory, out process);

    // Whether a process is the one that acts on a CPU: its own charge fails then, and it dies by that.
    private bool IsCurrent(CpuId cpu, Process process) => acting[cpu.Value] == process;

    internal void SetActing(CpuId cpu, Process process)
    {
        acting[cpu.Value] = process;
        Pages.Lru.Cgroups?.SetActive(cpu, process.Cgroup);
    }
}
