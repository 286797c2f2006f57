// TLB maintenance of one address space, by the rules of Linux v6.9 (arch/arm64/include/asm/tlbflush.h, asm/tlb.h, mm/context.c).
//
// Linux broadcasts every invalidation. Its entries can only be in the TLBs of CPUs that have run the address space, so here those
// alone are touched: two threads that drive different processes on different CPUs stay apart. The cost is that of a broadcast to
// all. The instructions that Linux issues are counted, and carried out as one: that leaves the same entries.
//
// Unmapped pages leave the TLBs before their frames are freed, in batches; Linux's flush comes once, at the end of the VMA, and
// may then take the whole ASID.

using Engine.Arm64.PageTables;
using Engine.Arm64.Tlb;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <content>ASID and flushes.</content>
internal sealed partial class AddressSpace
{
    private readonly Machine machine;
    private Cpu? lastCpu;
    private bool isExiting;
    private VirtAddr gatheredStart;
    private VirtAddr gatheredEnd;
    private bool hasGatheredPages;
    private bool hasGathered;
    private ulong contextId;

    /// <summary>Generation and ASID (<c>mm->context.id</c>): 0 until a CPU first switches to it. The machine's ASID allocator changes it.</summary>
    public ref ulong ContextId => ref contextId;

    /// <summary>The tag of the TLB entries (<c>ASID(mm)</c>).</summary>
    public Asid Asid => machine.AsidOf(contextId);

    /// <summary>The checks of table writes; null where they are off.</summary>
    public TableWatch<Granule4K>? Watch { get; }

    /// <summary>One page, its last level only (<c>flush_tlb_page</c>).</summary>
    public void FlushPage(VirtAddr address)
    {
        VirtAddr start = new(address.Value & ~(ulong)(Pfn.PageSizeBytes - 1));
        Forget(start, start + Pfn.PageSizeBytes, lastLevelOnly: true);
        Count(1);
    }

    /// <summary>A range (<c>__flush_tlb_range</c>).</summary>
    /// <param name="start">The first address.</param>
    /// <param name="end">The first address after the range.</param>
    /// <param name="strideLog2">log2 of what one entry maps.</param>
    /// <param name="lastLevelOnly">Whether only leaves changed, no tables.</param>
    public void FlushRange(VirtAddr start, VirtAddr end, int strideLog2, bool lastLevelOnly)
    {
        TlbFlushPlan plan = TlbFlushPlan.ForRange(start, end, strideLog2, machine.Options.HasTlbRangeInstructions);
        if (plan.IsWholeAddressSpace)
        {
            ForgetAll();
        }
        else
        {
            Forget(start, end, lastLevelOnly);
        }

        Count(plan.InstructionCount);
    }

    /// <summary>Everything (<c>flush_tlb_mm</c>).</summary>
    public void FlushAll()
    {
        ForgetAll();
        Count(1);
    }

    /// <summary>Freed tables (<c>tlb_flush</c> with <c>freed_tables</c>): by the stride of a last-level table; at exit the whole address space.</summary>
    public void FlushFreedTables(VirtAddr start, VirtAddr end)
    {
        if (isExiting)
        {
            FlushAll();
        }
        else
        {
            FlushRange(start, end, Faults.HugeMaps.Shift, lastLevelOnly: false);
        }
    }

    /// <summary>Takes unmapped pages out of the TLBs, before their frames are freed; the flush that Linux issues is due at <see cref="FinishGather"/>.</summary>
    public void Gather(VirtAddr start, VirtAddr end, bool hasPages)
    {
        Forget(start, end, lastLevelOnly: true);
        gatheredStart = hasGathered && gatheredStart < start ? gatheredStart : start;
        gatheredEnd = hasGathered && gatheredEnd > end ? gatheredEnd : end;
        hasGatheredPages = (hasGathered && hasGatheredPages) || hasPages;
        hasGathered = true;
    }

    /// <summary>The flush of one VMA's pages (<c>tlb_end_vma</c>); none at exit, where the ASID is not used again (<c>fullmm</c>).</summary>
    public void FinishGather()
    {
        if (hasGathered && !isExiting)
        {
            FlushRange(gatheredStart, gatheredEnd, hasGatheredPages ? Pfn.PageShift : Faults.HugeMaps.Shift, lastLevelOnly: true);
        }

        hasGathered = false;
    }

    /// <summary>A run of leaves changes its shape (<c>contpte_convert</c>), or a block does.</summary>
    void ITlbInvalidator.InvalidateRange(VirtAddr start, ulong lengthBytes, int level)
    {
        int strideLog2 = PageTable.EntryShift(level);
        FlushRange(start, start + lengthBytes, strideLog2, lastLevelOnly: level == PageTable.LastLevel);
    }

    private void Forget(VirtAddr start, VirtAddr end, bool lastLevelOnly)
    {
        Watch?.Observe();
        Asid asid = Asid;
        foreach (Cpu cpu in RanOn)
        {
            cpu.Mmu.Invalidate(asid, start, end, lastLevelOnly);
        }

        Watch?.Flushed(start, end, lastLevelOnly);
    }

    private void ForgetAll()
    {
        Watch?.Observe();
        Asid asid = Asid;
        foreach (Cpu cpu in RanOn)
        {
            cpu.Mmu.Invalidate(asid);
        }

        Watch?.FlushedAll();
    }

    // For the CPU that last switched to it: it is the one that acts in all but reclaim and access from other processes.
    private void Count(int instructions) => lastCpu?.CountBroadcasts(instructions);
}
