// Whose TLBs have to forget. The hardware broadcasts every invalidation; a CPU that never ran the process has nothing of it, so
// here only those are told that did (mm_cpumask). So two threads that drive different processes on different CPUs never touch
// each other's TLB. CPUs that run the same process share it, and are driven by one thread.

using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <content>TLB invalidation (arch/arm64/include/asm/tlbflush.h).</content>
public sealed partial class Process
{
    /// <summary>Remembers a CPU that loads the process's tables.</summary>
    internal void NoteCpu(Cpu cpu) => space.NoteCpu(cpu);

    /// <summary>One page, its last level only (<c>flush_tlb_page</c>).</summary>
    internal void FlushPage(VirtAddr address) => Flush(address, address + Pfn.PageSizeBytes, lastLevelOnly: true);

    /// <summary>A range of pages whose tables stay (<c>flush_tlb_range</c>).</summary>
    internal void FlushRange(VirtAddr start, VirtAddr end) => Flush(start, end, lastLevelOnly: true);

    /// <summary>A range whose tables were freed or moved: walk caches must forget them too.</summary>
    internal void FlushTables(VirtAddr start, VirtAddr end) => Flush(start, end, lastLevelOnly: false);

    /// <summary>The whole address space (<c>flush_tlb_mm</c>).</summary>
    internal void FlushAll() => space.FlushAll();

    private void Flush(VirtAddr start, VirtAddr end, bool lastLevelOnly) => space.Flush(start, end, lastLevelOnly);
}
