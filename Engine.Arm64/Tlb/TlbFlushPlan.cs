using Engine.Arm64.Units;

namespace Engine.Arm64.Tlb;

/// <summary>What Linux does to flush a range: how many TLBI instructions, and whether it gives the range up for the whole address space.</summary>
/// <param name="InstructionCount">Instructions, each a broadcast; with isolated kernel tables twice as many.</param>
/// <param name="IsWholeAddressSpace">One instruction for the ASID instead (<c>flush_tlb_mm</c>).</param>
public readonly record struct TlbFlushPlan(int InstructionCount, bool IsWholeAddressSpace)
{
    private const int PageShift = 12;

    /// <summary>Plans a flush (<c>__flush_tlb_range</c>, arch/arm64/include/asm/tlbflush.h).</summary>
    /// <param name="start">The first address.</param>
    /// <param name="end">The first address after the range; nothing is done where it is not above <paramref name="start"/>.</param>
    /// <param name="strideLog2">log2 of what one entry maps, at least 12.</param>
    /// <param name="hasRangeInstructions">FEAT_TLBIRANGE.</param>
    public static TlbFlushPlan ForRange(VirtAddr start, VirtAddr end, int strideLog2, bool hasRangeInstructions)
    {
        ulong strides = unchecked(((end.Value + (1UL << strideLog2) - 1) >> strideLog2) - (start.Value >> strideLog2));
        if (end <= start)
        {
            return default;
        }

        ulong pages = strides << (strideLog2 - PageShift);
        if (IsTooMuch(strides, pages, hasRangeInstructions))
        {
            return new TlbFlushPlan(1, IsWholeAddressSpace: true);
        }

        if (!hasRangeInstructions)
        {
            return new TlbFlushPlan((int)strides, IsWholeAddressSpace: false);
        }

        // From the largest scale down; a last odd page goes by itself.
        int count = 0;
        for (int scale = TlbiInstruction.ScaleMax; pages > 1 && scale >= 0; scale--)
        {
            ulong units = Math.Min(pages, TlbiInstruction.RangePages(scale, TlbiInstruction.NumMax)) >> ((5 * scale) + 1);
            count += units > 0 ? 1 : 0;
            pages -= units << ((5 * scale) + 1);
        }

        return new TlbFlushPlan(count + (int)pages, IsWholeAddressSpace: false);
    }

    /// <summary>From where on the whole address space goes: <c>MAX_DVM_OPS</c> strides, or <c>MAX_TLBI_RANGE_PAGES</c> pages.</summary>
    internal static bool IsTooMuch(ulong strides, ulong pages, bool hasRangeInstructions) =>
        (!hasRangeInstructions && strides >= LinuxTlbFlush.MaxDvmOps) || pages >= LinuxTlbFlush.MaxRangePages;
}
