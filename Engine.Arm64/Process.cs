using System.Runtime.CompilerServices;
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
    private const int CommandNameMax = 16; // TASK_COMM_LEN

    private FaultCounters faults;
    private AddressSpace space = null!;

    private Process(Machine machine, int pid, string name)
    {
        Machine = machine;
        Pid = pid;
        Name = name;
    }

    /// <summary>The machine that it runs on.</summary>
    public Machine Machine { get; }

    /// <summary>Its number, from 1.</summary>
    public int Pid { get; }

    /// <summary>The number of the process that made it; 0 where none did, or that one is gone.</summary>
    public int ParentPid { get; private set; }

    /// <summary>Its name; exec gives it the file's.</summary>
    public string Name { get; private set; }

    /// <summary>The name as <c>ps</c> shows it: the first 15 characters (<c>task_struct.comm</c>).</summary>
    public string CommandName => Name.Length < CommandNameMax ? Name : Name[..(CommandNameMax - 1)];

    /// <summary>Whether a CPU runs it.</summary>
    public bool IsRunning => Machine.Cpus.Any(cpu => cpu.Current == this);

    /// <summary>Its mappings (<c>mm_struct</c>); processes made with CLONE_VM have theirs in common.</summary>
    public MemoryMap Memory { get; private set; } = null!;

    /// <summary>Its page tables.</summary>
    public PageTable Tables { get; private set; } = null!;

    /// <summary>The tag of its TLB entries since a CPU last switched to it; 0, which Linux gives to nobody, before the first time.</summary>
    public Asid Asid => space.Asid;

    /// <summary>The memory cgroup that pays for its pages; null for the root. A child starts in its parent's.</summary>
    public MemoryCgroup? Cgroup { get; set; }

    /// <summary>Whether the kernel has killed it: SIGKILL is pending, and whoever drives it has to call <see cref="Exit"/>.</summary>
    public bool IsKilled { get; private set; }

    /// <summary>Its faults so far.</summary>
    public ref FaultCounters Faults => ref faults;

    /// <summary>Resident pages (<c>VmRSS</c>).</summary>
    public ulong ResidentPages => (ulong)(Memory.State.AnonPages + Memory.State.FilePages + Memory.State.ShmemPages);

    internal void Kill() => IsKilled = true;

    internal AddressSpace Space => space;

    internal static Process? TryCreate(Machine machine, CpuId cpu, int pid, string name)
    {
        Process process = new(machine, pid, name);
        if (!AddressSpace.TryCreate(cpu, process, new MemoryMapOptions { TaskSize = machine.Options.TaskSize }, ResourceLimits.CreateRoot(), out AddressSpace? space))
        {
            return null;
        }

        process.Enter(space);
        return process;
    }

    /// <summary>A process that shares the memory of another.</summary>
    internal static Process CreateSharing(Process other, int pid, string name)
    {
        Process process = new(other.Machine, pid, name);
        process.Enter(other.space);
        other.space.Share(process);
        return process;
    }

    // What every fault asks for is at hand, without a step through the address space's object.
    private void Enter(AddressSpace entered)
    {
        space = entered;
        Memory = entered.Memory;
        Tables = entered.Tables;
    }

    /// <summary>Remembers the resident set before it shrinks (<c>update_hiwater_rss</c>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void NoteResidentPeak()
    {
        ref MmStruct mm = ref Memory.State;
        mm.ResidentPagesPeak = Math.Max(mm.ResidentPagesPeak, ResidentPages);
    }
}
