// What processes that share their memory share: the mappings, the page tables, the tag of the TLB entries, and which CPUs may hold
// such entries. fork gives a process one of its own, clone(CLONE_VM) and vfork one in common, exec a new one. mm_users counts in
// the arena who uses it; the last to leave takes it down (mmput).

using System.Diagnostics.CodeAnalysis;
using Engine.Arm64.Faults;
using Engine.Arm64.PageTables;
using Engine.Arm64.Processes;
using Engine.Core.Diagnostics;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <summary>The host's side of one <c>mm_struct</c>.</summary>
internal sealed partial class AddressSpace : ITlbInvalidator
{
    private readonly List<Process> users = [];

    private AddressSpace(Process owner, PageTable tables)
    {
        users.Add(owner);
        Tables = tables;
        machine = owner.Machine;
        Watch = machine.WatchTables(tables);
        tables.Folios = owner.Machine.Options.FoldsContiguousRuns ? owner.Machine.UserFrames : null;
        tables.Invalidator = this;
    }

    /// <summary>The mappings.</summary>
    public MemoryMap Memory { get; private set; } = null!;

    /// <summary>The page tables.</summary>
    public PageTable Tables { get; }

    /// <summary>Those whose frames it may share since a fork; null for nobody's.</summary>
    public FrameSharers? Sharers { get; set; }

    /// <summary>The CPUs whose TLBs may hold something of it (<c>mm_cpumask</c>).</summary>
    public Cpu[] RanOn { get; private set; } = [];

    /// <summary>Whether everything was taken down.</summary>
    public bool IsReleased { get; private set; }

    /// <summary>What <c>/proc/PID/auxv</c> shows: the auxiliary vector that exec left (<c>saved_auxv</c>).</summary>
    public byte[] AuxiliaryVector { get; set; } = [];

    /// <summary>A process that uses it: in whose name page tables are walked where none is at hand.</summary>
    public Process Owner => users[0];

    /// <summary>Makes an empty one (<c>mm_alloc</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="process">Its first user.</param>
    /// <param name="options">Bounds and tunables.</param>
    /// <param name="limits">What the process may have.</param>
    /// <param name="space">The address space.</param>
    /// <returns>False where there is no memory.</returns>
    public static bool TryCreate(CpuId cpu, Process process, MemoryMapOptions options, ResourceLimits limits, [NotNullWhen(true)] out AddressSpace? space)
    {
        space = null;
        Machine machine = process.Machine;
        if (!PageTable.TryCreate(machine.Pages, cpu, PageTableKind.User, out PageTable? tables))
        {
            return false;
        }

        AddressSpace created = new(process, tables);
        if (!MemoryMap.TryCreate(cpu, machine.Caches, machine.AnonVmas, machine.Commit, options, limits, new ProcessPages(process), out MemoryMap? memory))
        {
            tables.Destroy(cpu);
            return false;
        }

        created.Memory = memory;
        space = created;
        return true;
    }

    /// <summary>Counts one more user (<c>mmget</c>).</summary>
    public void Share(Process process)
    {
        users.Add(process);
        Memory.State.UserCount++;
    }

    /// <summary>A user leaves; the last one takes everything down (<c>mmput</c>).</summary>
    /// <returns>Whether this was the last.</returns>
    public bool Release(CpuId cpu, Process process)
    {
        if (IsReleased)
        {
            // The counter lay in the arena and said too early that nobody was left.
            process.Machine.Log.Report(new Corruption(CorruptionCategory.VmAreaTree, "mm_users", Memory.Address, (ulong)users.Count, 0));
            return false;
        }

        int left = --Memory.State.UserCount;
        bool isLast = left <= 0 || users.Count == 1;
        if (isLast)
        {
            IsReleased = true;
            isExiting = true;
            Memory.Exit(cpu);
            ForgetAll();
            Tables.Destroy(cpu);
        }
        else
        {
            users.Remove(process);
            ((ProcessPages)Memory.Pages).HandTo(Owner);
        }

        return isLast;
    }

    /// <summary>Takes an address space down that no process has come to use.</summary>
    public void Discard(CpuId cpu)
    {
        IsReleased = true;
        Memory.Exit(cpu);
        Tables.Destroy(cpu);
    }

    /// <summary>Remembers a CPU that loads the tables.</summary>
    public void NoteCpu(Cpu cpu)
    {
        lastCpu = cpu;
        if (!RanOn.Contains(cpu))
        {
            RanOn = [.. RanOn, cpu];
        }
    }
}
