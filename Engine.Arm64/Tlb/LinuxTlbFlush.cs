// Linux v6.9's TLB flush functions for arm64 (arch/arm64/include/asm/tlbflush.h): which instructions they issue, in which order.
//
// A range is flushed page by page, or by range instructions where the CPU has them (FEAT_TLBIRANGE), the largest scale first;
// from a threshold on the whole address space goes instead: MAX_DVM_OPS strides without range instructions,
// MAX_TLBI_RANGE_PAGES pages with them.

using Engine.Arm64.Units;

namespace Engine.Arm64.Tlb;

/// <summary>Linux's flush functions over the CPUs of a machine.</summary>
public sealed class LinuxTlbFlush
{
    /// <summary>Without range instructions: this many strides and more flush the whole ASID (<c>MAX_DVM_OPS</c>, <c>PTRS_PER_PTE</c> of 4 KiB pages).</summary>
    public const ulong MaxDvmOps = 512;

    /// <summary>With range instructions: this many pages and more flush the whole ASID (<c>MAX_TLBI_RANGE_PAGES</c>).</summary>
    public static readonly ulong MaxRangePages = TlbiInstruction.RangePages(TlbiInstruction.ScaleMax, TlbiInstruction.NumMax);

    private const int PageShift = 12;
    private const ulong PageBytes = 1UL << PageShift;

    private readonly InnerShareableDomain domain;

    /// <summary>Creates the functions.</summary>
    /// <param name="domain">The CPUs that are reached.</param>
    public LinuxTlbFlush(InnerShareableDomain domain) => this.domain = domain;

    /// <summary>Whether the CPUs have range instructions (<c>system_supports_tlb_range</c>).</summary>
    public bool HasRangeInstructions { get; init; }

    /// <summary>Whether the kernel runs user space with an ASID of its own, the kernel's plus one (<c>arm64_kernel_unmapped_at_el0</c>).</summary>
    public bool IsolatesKernelTables { get; init; }

    /// <summary>All of every address space (<c>flush_tlb_all</c>).</summary>
    /// <param name="cpu">The CPU that runs it.</param>
    public void FlushAll(int cpu) => domain.Broadcast(cpu, TlbiInstruction.ForAll(TlbiKind.Vmalle1));

    /// <summary>All of the own TLB (<c>local_flush_tlb_all</c>).</summary>
    /// <param name="cpu">The CPU that runs it.</param>
    public void FlushAllLocally(int cpu) => domain.ExecuteLocally(cpu, TlbiInstruction.ForAll(TlbiKind.Vmalle1));

    /// <summary>All of one address space (<c>flush_tlb_mm</c>).</summary>
    /// <param name="cpu">The CPU that runs it.</param>
    /// <param name="asid">The address space.</param>
    public void FlushMm(int cpu, Asid asid)
    {
        domain.Broadcast(cpu, TlbiInstruction.ForAll(TlbiKind.Aside1, asid));
        if (IsolatesKernelTables)
        {
            domain.Broadcast(cpu, TlbiInstruction.ForAll(TlbiKind.Aside1, UserAsid(asid)));
        }
    }

    /// <summary>One page, its leaf only (<c>flush_tlb_page</c>).</summary>
    /// <param name="cpu">The CPU that runs it.</param>
    /// <param name="asid">The address space.</param>
    /// <param name="address">Any address in the page.</param>
    public void FlushPage(int cpu, Asid asid, VirtAddr address) => FlushOne(cpu, TlbiKind.Vale1, asid, address, level: 0);

    /// <summary>A range of one address space (<c>__flush_tlb_range</c>).</summary>
    /// <param name="cpu">The CPU that runs it.</param>
    /// <param name="asid">The address space.</param>
    /// <param name="start">The first address.</param>
    /// <param name="end">The first address after the range.</param>
    /// <param name="strideBytes">What one entry maps, a power of two of at least 4096.</param>
    /// <param name="lastLevelOnly">Whether only leaves changed, no tables.</param>
    /// <param name="level">The level of the leaves, 1 to 3; 0 where unknown.</param>
    public void FlushRange(
        int cpu, Asid asid, VirtAddr start, VirtAddr end, ulong strideBytes = PageBytes, bool lastLevelOnly = false, int level = 0)
    {
        ulong first = start.Value & ~(strideBytes - 1);
        ulong limit = unchecked(end.Value + strideBytes - 1) & ~(strideBytes - 1);
        if (first >= limit)
        {
            return;
        }

        ulong pages = (limit - first) >> PageShift;
        if (TlbFlushPlan.IsTooMuch((limit - first) / strideBytes, pages, HasRangeInstructions))
        {
            FlushMm(cpu, asid);
            return;
        }

        int scale = TlbiInstruction.ScaleMax;
        while (pages > 0)
        {
            if (!HasRangeInstructions || pages == 1)
            {
                FlushOne(cpu, lastLevelOnly ? TlbiKind.Vale1 : TlbiKind.Vae1, asid, new VirtAddr(first), level);
                first += strideBytes;
                pages -= Math.Min(pages, strideBytes >> PageShift);
                continue;
            }

            // __TLBI_RANGE_NUM: how often the scale's unit fits, at most 32 times.
            int num = (int)(Math.Min(pages, TlbiInstruction.RangePages(scale, TlbiInstruction.NumMax)) >> ((5 * scale) + 1)) - 1;
            if (num >= 0)
            {
                FlushSome(cpu, lastLevelOnly ? TlbiKind.Rvale1 : TlbiKind.Rvae1, asid, new VirtAddr(first), scale, num, level);
                first += TlbiInstruction.RangePages(scale, num) << PageShift;
                pages -= TlbiInstruction.RangePages(scale, num);
            }

            scale--;
        }
    }

    /// <summary>A range of the kernel's own map (<c>flush_tlb_kernel_range</c>): more than <see cref="MaxDvmOps"/> pages flush everything.</summary>
    /// <param name="cpu">The CPU that runs it.</param>
    /// <param name="start">The first address.</param>
    /// <param name="end">The first address after the range.</param>
    public void FlushKernelRange(int cpu, VirtAddr start, VirtAddr end)
    {
        if (end <= start)
        {
            return;
        }

        if (end - start > MaxDvmOps * PageBytes)
        {
            FlushAll(cpu);
            return;
        }

        for (VirtAddr address = start; address < end; address += PageBytes)
        {
            domain.Broadcast(cpu, TlbiInstruction.ForAddress(TlbiKind.Vaale1, address, default));
        }
    }

    /// <summary>One table of the kernel's own map that was freed (<c>__flush_tlb_kernel_pgtable</c>).</summary>
    /// <param name="cpu">The CPU that runs it.</param>
    /// <param name="address">Any address that the table translated.</param>
    public void FlushKernelTable(int cpu, VirtAddr address) =>
        domain.Broadcast(cpu, TlbiInstruction.ForAddress(TlbiKind.Vaae1, address, default));

    private static Asid UserAsid(Asid asid) => new((ushort)(asid.Value | 1));

    private void FlushOne(int cpu, TlbiKind kind, Asid asid, VirtAddr address, int level)
    {
        domain.Broadcast(cpu, TlbiInstruction.ForAddress(kind, address, asid, level));
        if (IsolatesKernelTables)
        {
            domain.Broadcast(cpu, TlbiInstruction.ForAddress(kind, address, UserAsid(asid), level));
        }
    }

    private void FlushSome(int cpu, TlbiKind kind, Asid asid, VirtAddr start, int scale, int num, int level)
    {
        domain.Broadcast(cpu, TlbiInstruction.ForRange(kind, start, asid, scale, num, level));
        if (IsolatesKernelTables)
        {
            domain.Broadcast(cpu, TlbiInstruction.ForRange(kind, start, UserAsid(asid), scale, num, level));
        }
    }
}
