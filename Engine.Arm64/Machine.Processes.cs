using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Engine.Arm64.Exec;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <content>The living processes, by number and by address space.</content>
public sealed partial class Machine
{
    // Threads that drive different CPUs may fork and exit at the same time: the list is replaced under the lock, and read without.
    private readonly Lock processGate = new();
    private readonly ConcurrentDictionary<PhysAddr, Process> processesByMemory = [];
    private volatile Process[] processes = [];
    private readonly Process?[] acting;
    private int lastPid;
    private SpecialMappings? specialMappings;

    /// <summary>The living processes.</summary>
    public IReadOnlyList<Process> Processes => processes;

    /// <summary>Makes a process with an empty address space, on CPU 0.</summary>
    /// <param name="name">As <c>ps</c> shows it.</param>
    /// <exception cref="InsufficientMemoryException">The simulated memory has no room for its tables.</exception>
    public Process CreateProcess(string name) => CreateProcess(cpus[0].Id, name);

    /// <summary>Makes a process with an empty address space.</summary>
    /// <param name="cpu">The CPU that acts, which the calling thread uses: its lists give the first frames.</param>
    /// <param name="name">As <c>ps</c> shows it.</param>
    /// <exception cref="InsufficientMemoryException">The simulated memory has no room for its tables.</exception>
    public Process CreateProcess(CpuId cpu, string name) =>
        TryCreateProcess(cpu, name) ?? throw new InsufficientMemoryException($"the simulated memory has no room for process '{name}'");

    /// <summary>The living process with a number.</summary>
    /// <returns>Null where there is none.</returns>
    public Process? TryFindProcess(int pid) => Array.Find(processes, process => process.Pid == pid);

    /// <summary>How many page-table entries map a frame (<c>/proc/kpagecount</c>).</summary>
    /// <returns>0 where the frame has no descriptor.</returns>
    public ulong CountMappings(Pfn pfn) => Pages.Frames.IsValid(pfn) ? (ulong)Math.Max(0, Pages.Frames[pfn].MapCount) : 0;

    internal Process? TryCreateProcess(CpuId cpu, string name)
    {
        lock (processGate)
        {
            Process? process = Process.TryCreate(this, cpu, lastPid + 1, name);
            if (process is not null)
            {
                Add(process);
            }

            return process;
        }
    }

    internal Process CreateSharing(Process other, string name)
    {
        lock (processGate)
        {
            Process process = Process.CreateSharing(other, lastPid + 1, name);
            Add(process);
            return process;
        }
    }

    internal void RemoveProcess(Process process)
    {
        lock (processGate)
        {
            processes = [.. processes.Where(other => other != process)];
            exitedFaults = (exitedFaults.Minor + process.Faults.Minor, exitedFaults.Major + process.Faults.Major);
        }
    }

    /// <summary>An address space has a user by whom it can be found.</summary>
    internal void Bind(AddressSpace space) => processesByMemory[space.Memory.Address] = space.Owner;

    /// <summary>An address space is gone.</summary>
    internal void Unbind(AddressSpace space) => processesByMemory.TryRemove(space.Memory.Address, out _);

    internal bool TryFindProcess(PhysAddr memory, [NotNullWhen(true)] out Process? process) => processesByMemory.TryGetValue(memory, out process);

    // Whether a process is the one that acts on a CPU: its own charge fails then, and it dies by that.
    private bool IsCurrent(CpuId cpu, Process process) => acting[cpu.Value] == process;

    internal void SetActing(CpuId cpu, Process process)
    {
        if (acting[cpu.Value] != process)
        {
            acting[cpu.Value] = process;
        }

        Pages.Lru.Cgroups?.SetActive(cpu, process.Cgroup);
    }

    /// <summary>Of the processes that share memory with <paramref name="process"/>, the one that a CPU runs; that one itself where it runs none of them.</summary>
    internal Process ActorOn(CpuId cpu, Process process) =>
        cpus[cpu.Value].Current is { } current && current.Space == process.Space ? current : process;

    /// <summary>The vDSO and its data, made at the first exec.</summary>
    internal SpecialMappings? TryGetSpecialMappings(CpuId cpu) => specialMappings ??= SpecialMappings.TryCreate(this, cpu);

    // The gate is held.
    private void Add(Process process)
    {
        lastPid++;
        processes = [.. processes, process];
        Bind(process.Space);
    }
}
