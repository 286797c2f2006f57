// What Linux does with a leaf descriptor: arch/arm64/include/asm/pgtable.h of v6.9. Each member names its function there.

using Engine.Core.Units;

namespace Engine.Arm64.Translation;

public readonly partial record struct Descriptor
{
    internal const ulong SoftwareDirtyBit = 1UL << 55;
    internal const ulong SpecialBit = 1UL << 56;
    internal const ulong DeviceMapBit = 1UL << 57;
    internal const ulong ProtNoneBit = 1UL << 58;
    internal const ulong PresentInvalidBit = 1UL << 59;

    /// <summary>PXNTable of a table descriptor: what Linux sets in every user table.</summary>
    internal const ulong PxnTableBit = 1UL << 59;

    private const ulong WriteBit = DirtyBitModifierBit;
    private const ulong SwapExclusiveBit = 1UL << 2;
    private const int SwapTypeShift = 3;
    private const int SwapTypeBits = 5;
    private const int SwapOffsetShift = SwapTypeShift + SwapTypeBits;
    private const int SwapOffsetBits = 50;

    // What pte_modify takes from the new protection.
    private const ulong ModifyMask = UserBit | PxnBit | UxnBit | ReadOnlyBit | ProtNoneBit | ValidBit | WriteBit | GuardedBit | AttributeIndexMask;

    /// <summary>The entry maps a page, be it one that nobody may touch (<c>pte_present</c>).</summary>
    public bool IsPresent => (Value & (ValidBit | ProtNoneBit)) != 0;

    /// <summary>Of a present entry: a block, not a page (<c>pmd_trans_huge</c>), whether it may be accessed or not.</summary>
    internal bool IsBlock => (Value & TableBit) == 0;

    /// <summary>The page is mapped, but without any access (<c>pte_protnone</c>): PROT_NONE, or a NUMA hint.</summary>
    public bool IsProtNone => (Value & (ValidBit | ProtNoneBit)) == ProtNoneBit;

    /// <summary>Neither empty nor present: a swap or migration entry (<c>is_swap_pte</c>).</summary>
    public bool IsSwap => !IsNone && !IsPresent;

    /// <summary>Linux's write bit, bit 51 (<c>pte_write</c>): the mapping may be written, if need be after a fault that marks it dirty.</summary>
    public bool IsWritable => (Value & WriteBit) != 0;

    /// <summary>Dirty by software's or by the hardware's account (<c>pte_dirty</c>).</summary>
    public bool IsDirty => (Value & SoftwareDirtyBit) != 0 || IsHardwareDirty;

    /// <summary>Writable and not read-only (<c>pte_hw_dirty</c>).</summary>
    public bool IsHardwareDirty => (Value & (WriteBit | ReadOnlyBit)) == WriteBit;

    /// <summary>Bit 55 (<c>pte_sw_dirty</c>).</summary>
    public bool IsSoftwareDirty => (Value & SoftwareDirtyBit) != 0;

    /// <summary>A page without a normal descriptor, such as the zero page (<c>pte_special</c>).</summary>
    public bool IsSpecial => (Value & SpecialBit) != 0;

    /// <summary>Whether EL0 may execute from it (<c>pte_user_exec</c>).</summary>
    public bool IsUserExecutable => (Value & UxnBit) == 0;

    /// <summary>The protection alone: everything but the address (<c>pte_pgprot</c>).</summary>
    public PageAttributes Attributes => new(Value & ~AddressMask);

    /// <summary>A page descriptor (<c>pfn_pte</c>).</summary>
    public static Descriptor ForPage(Pfn pfn, PageAttributes attributes) => new(pfn.Address.ToUInt64() | attributes.Value);

    /// <summary>A block descriptor of level 1 or 2 (<c>pfn_pmd</c> with <c>pmd_mkhuge</c>).</summary>
    public static Descriptor ForBlock(Pfn pfn, PageAttributes attributes) => new(pfn.Address.ToUInt64() | (attributes.Value & ~TableBit));

    /// <summary>A swap entry (<c>__swp_entry_to_pte</c>).</summary>
    /// <param name="type">The swap area, 0..31.</param>
    /// <param name="offset">The slot in the area, in pages; below 2^50.</param>
    /// <param name="exclusive">Nobody else refers to the slot (<c>PTE_SWP_EXCLUSIVE</c>).</param>
    /// <exception cref="ArgumentOutOfRangeException">A field does not fit.</exception>
    public static Descriptor ForSwap(int type, ulong offset, bool exclusive)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)type, 1u << SwapTypeBits, nameof(type));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(offset, 1UL << SwapOffsetBits);
        return new(((ulong)type << SwapTypeShift) | (offset << SwapOffsetShift) | (exclusive ? SwapExclusiveBit : 0));
    }

    /// <summary>A swap entry's area, 0..31 (<c>__swp_type</c>).</summary>
    public int SwapType => (int)((Value >> SwapTypeShift) & ((1 << SwapTypeBits) - 1));

    /// <summary>A swap entry's slot, in pages (<c>__swp_offset</c>).</summary>
    public ulong SwapOffset => (Value >> SwapOffsetShift) & ((1UL << SwapOffsetBits) - 1);

    /// <summary>Whether nobody else refers to the swap slot (<c>pte_swp_exclusive</c>).</summary>
    public bool IsSwapExclusive => (Value & SwapExclusiveBit) != 0;

    /// <summary>With AF set (<c>pte_mkyoung</c>).</summary>
    public Descriptor MakeYoung() => new(Value | AccessFlagBit);

    /// <summary>With AF clear (<c>pte_mkold</c>).</summary>
    public Descriptor MakeOld() => new(Value & ~AccessFlagBit);

    /// <summary>Dirty, and open to the hardware's writes where writable (<c>pte_mkdirty</c>).</summary>
    public Descriptor MakeDirty() => new((IsWritable ? Value & ~ReadOnlyBit : Value) | SoftwareDirtyBit);

    /// <summary>Clean: the next write faults, or sets the dirty state in hardware (<c>pte_mkclean</c>).</summary>
    public Descriptor MakeClean() => new((Value & ~SoftwareDirtyBit) | ReadOnlyBit);

    /// <summary>Writable at once (<c>pte_mkwrite_novma</c> of v6.9).</summary>
    public Descriptor MakeWritable() => new((Value | WriteBit) & ~ReadOnlyBit);

    /// <summary>Not writable; hardware dirtiness moves to the software bit (<c>pte_wrprotect</c>).</summary>
    public Descriptor WriteProtect()
    {
        ulong value = IsHardwareDirty ? Value | SoftwareDirtyBit : Value;
        return new((value & ~WriteBit) | ReadOnlyBit);
    }

    /// <summary>Marked special (<c>pte_mkspecial</c>).</summary>
    public Descriptor MakeSpecial() => new(Value | SpecialBit);

    /// <summary>With the contiguous bit (<c>pte_mkcont</c>).</summary>
    public Descriptor MakeContiguous() => new(Value | ContiguousBit);

    /// <summary>Without the contiguous bit (<c>pte_mknoncont</c>).</summary>
    public Descriptor MakeNonContiguous() => new(Value & ~ContiguousBit);

    /// <summary>With another protection; address, AF and dirtiness stay (<c>pte_modify</c>).</summary>
    /// <param name="attributes">The new protection.</param>
    public Descriptor Modify(PageAttributes attributes)
    {
        ulong value = IsHardwareDirty ? Value | SoftwareDirtyBit : Value;
        Descriptor modified = new((value & ~ModifyMask) | (attributes.Value & ModifyMask));
        return modified.IsSoftwareDirty ? modified.MakeDirty() : modified;
    }
}
