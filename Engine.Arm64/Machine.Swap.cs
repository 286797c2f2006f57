using Engine.Arm64.Faults;
using Engine.Core.Cgroups;
using Engine.Core.Reclaim;
using Engine.Core.Swap;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <content>Swap space, reclaim, memory cgroups.</content>
public sealed partial class Machine
{
    /// <summary>The swap space; empty until <see cref="SwapSpace.SwapOn"/> adds an area.</summary>
    public SwapSpace Swap { get; }

    /// <summary>The memory cgroups.</summary>
    public MemoryCgroups Cgroups { get; }

    /// <summary>What frees pages of users.</summary>
    public Reclaimer Reclaimer { get; }

    private sealed class CgroupPressure(Machine machine) : ICgroupPressure
    {
        public ulong Reclaim(CpuId cpu, MemoryCgroup cgroup, ulong pageCount) =>
            machine.Reclaimer.ReclaimFrom(cpu, machine.Cgroups, cgroup, pageCount);

        // The largest process of the group, by what its death frees (oom_badness); the last of equals.
        public bool Kill(CpuId cpu, MemoryCgroup cgroup)
        {
            Process? victim = null;
            ulong most = 0;
            foreach (Process process in machine.processes)
            {
                ulong points = process.ResidentPages + (ulong)process.Memory.State.SwapEntries + (ulong)process.Tables.PageTablePages;
                if (process.Cgroup == cgroup && !process.IsKilled && points >= most)
                {
                    victim = process;
                    most = points;
                }
            }

            if (victim is null)
            {
                return false;
            }

            victim.Kill();
            bool isSelf = machine.IsCurrent(cpu, victim);
            if (!isSelf)
            {
                ProcessPages.Reap(victim, cpu);
            }

            return !isSelf;
        }
    }
}
