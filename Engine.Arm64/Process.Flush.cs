// Whose TLBs have to forget. The hardware broadcasts every invalidation; a CPU that never ran the process has nothing of it, so
// here only those are told that did (mm_cpumask). So two threads that drive different processes on different CPUs never touch
// each other's TLB. CPUs that run the same process share it, and are driven by one thread.

using Engine.Arm64.Faults;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <content>TLB invalidation (arch/arm64/include/asm/tlbflush.h).</content>
public sealed partial class Process
{
    /// <summary>Remembers a CPU that loads the process's tables.</summary>
    internal void NoteCpu(Cpu cpu) => space.NoteCpu(cpu);

    /// <summary>One page, its last level only (<c>flush_tlb_page</c>).</summary>
    internal void FlushPage(VirtAddr address) => space.FlushPage(address);

    /// <summary>A range of pages whose tables stay (<c>flush_tlb_range</c>).</summary>
    internal void FlushRange(VirtAddr start, VirtAddr end) => space.FlushRange(start, end, Pfn.PageShift, lastLevelOnly: true);

    /// <summary>One huge page (<c>flush_pmd_tlb_range</c>).</summary>
    internal void FlushHuge(VirtAddr start) => space.FlushRange(start, start + HugeMaps.Bytes, HugeMaps.Shift, lastLevelOnly: false);

    /// <summary>A range whose tables were freed or moved: walk caches must forget them too.</summary>
    internal void FlushTables(VirtAddr start, VirtAddr end) => space.FlushRange(start, end, Pfn.PageShift, lastLevelOnly: false);

    /// <summary>Tables that were freed after all that they translated was unmapped (<c>tlb_flush</c> with <c>freed_tables</c>).</summary>
    internal void FlushFreedTables(VirtAddr start, VirtAddr end) => space.FlushFreedTables(start, end);

    /// <summary>Unmapped pages of one VMA, whose flush is due when all of it is unmapped (<see cref="FinishFlush"/>). The entries leave the TLBs at once.</summary>
    internal void GatherFlush(VirtAddr start, VirtAddr end, bool hasPages) => space.Gather(start, end, hasPages);

    /// <summary>The flush of all that was gathered (<c>tlb_end_vma</c>).</summary>
    internal void FinishFlush() => space.FinishGather();

    /// <summary>The whole address space (<c>flush_tlb_mm</c>).</summary>
    internal void FlushAll() => space.FlushAll();
}
