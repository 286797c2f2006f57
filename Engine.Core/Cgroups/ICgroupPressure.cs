using Engine.Core.Units;

namespace Engine.Core.Cgroups;

/// <summary>What happens when a memory cgroup is at its limit.</summary>
public interface ICgroupPressure
{
    /// <summary>Frees pages that the group pays for (<c>try_to_free_mem_cgroup_pages</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="cgroup">The group.</param>
    /// <param name="pageCount">Pages wanted.</param>
    /// <returns>Pages freed.</returns>
    public ulong Reclaim(CpuId cpu, MemoryCgroup cgroup, ulong pageCount);

    /// <summary>Kills a process of the group (<c>mem_cgroup_out_of_memory</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="cgroup">The group.</param>
    /// <returns>Whether memory was freed by it, so that the charge may be tried again; false where the process that acts has to die itself.</returns>
    public bool Kill(CpuId cpu, MemoryCgroup cgroup);
}
