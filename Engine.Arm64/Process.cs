using Engine.Arm64.Faults;
using Engine.Arm64.PageTables;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Cgroups;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <summary>A process: its mappings, its page tables, its counters. System calls are methods.</summary>
public sealed partial class Process
{
    private FaultCounters faults;

    private Process(Machine machine, int pid, string name, PageTable tables)
    {
        Machine = machine;
        Pid = pid;
        Name = name;
        Tables = tables;
        Asid = new Asid((ushort)pid);
    }

    /// <summary>The machine that it runs on.</summary>
    public Machine Machine { get; }

    /// <summary>Its number, from 1.</summary>
    public int Pid { get; }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Its mappings (<c>mm_struct</c>).</summary>
    public MemoryMap Memory { get; private set; } = null!;

    /// <summary>Its page tables.</summary>
    public PageTable Tables { get; }

    /// <summary>The tag of its TLB entries.</summary>
    public Asid Asid { get; }

    /// <summary>The memory cgroup that pays for its pages; null for the root. A child starts in its parent's.</summary>
    public MemoryCgroup? Cgroup { get; set; }

    /// <summary>Whether the kernel has killed it: SIGKILL is pending, and whoever drives it has to call <see cref="Exit"/>.</summary>
    public bool IsKilled { get; private set; }

    /// <summary>Its faults so far.</summary>
    public ref FaultCounters Faults => ref faults;

    /// <summary>Resident pages (<c>VmRSS</c>).</summary>
    public ulong ResidentPages => (ulong)(Memory.State.AnonPages + Memory.State.FilePages + Memory.State.ShmemPages);

    internal void Kill() => IsKilled = true;

    internal static Process? TryCreate(Machine machine, CpuId cpu, int pid, string name)
    {
        if (!PageTable.TryCreate(machine.Pages, cpu, PageTableKind.User, out PageTable? tables))
        {
            return null;
        }

        Process process = new(machine, pid, name, tables);
        if (!MemoryMap.TryCreate(
            cpu, machine.Caches, machine.AnonVmas, machine.Commit, new MemoryMapOptions(), ResourceLimits.CreateRoot(), new ProcessPages(process), out MemoryMap? memory))
        {
            tables.Destroy(cpu);
            return null;
        }

        process.Memory = memory;
        return process;
    }
}
