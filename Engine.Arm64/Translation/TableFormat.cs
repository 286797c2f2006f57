// What the granule and the wide-address extensions change about descriptors: which levels may hold blocks, where the
// upper address bits are, how long a contiguous run is (Arm DDI 0487, D8.2 and D8.3).
//
//            bits of the output address beyond 47:granule
//   plain    none
//   LPA      51:48 in 15:12 of the descriptor (64 KiB granule only)
//   LPA2     51:50 in 9:8, 49:48 in 49:48 (4 KiB and 16 KiB granules, TCR.DS); shareability comes from TCR then

using System.Runtime.CompilerServices;

namespace Engine.Arm64.Translation;

/// <summary>The descriptor format of one half of an address space.</summary>
/// <param name="GranuleShift">log2 of the granule in bytes: 12, 14 or 16; 0 for a reserved encoding.</param>
/// <param name="IsWide">LPA2 descriptors: TCR.DS with FEAT_LPA2 and a granule of 4 or 16 KiB.</param>
/// <param name="IsLarge">64 KiB granule with FEAT_LPA.</param>
/// <param name="OutputBits">Width of an output address in bits: the lesser of what IPS configures, the format holds and the CPU has.</param>
public readonly record struct TableFormat(int GranuleShift, bool IsWide, bool IsLarge, int OutputBits)
{
    /// <summary>The level of pages.</summary>
    public const int LastLevel = 3;

    /// <summary>log2 of the entries in a full table.</summary>
    public int Stride => GranuleShift - 3;

    /// <summary>log2 of what an entry of a level translates, in bytes.</summary>
    public int EntryShift(int level) => GranuleShift + ((LastLevel - level) * Stride);

    /// <summary>What a descriptor is at a level.</summary>
    public DescriptorKind KindOf(ulong descriptor, int level)
    {
        ulong type = descriptor & 3;
        if ((type & 1) == 0)
        {
            return DescriptorKind.Invalid;
        }

        if (type == 3)
        {
            return level == LastLevel ? DescriptorKind.Leaf : DescriptorKind.Table;
        }

        return IsBlockLevel(level) ? DescriptorKind.Leaf : DescriptorKind.Invalid;
    }

    /// <summary>Whether blocks are legal at a level.</summary>
    public bool IsBlockLevel(int level) => GranuleShift switch
    {
        12 => level is 1 or 2 || (level == 0 && IsWide),
        14 => level == 2 || (level == 1 && IsWide),
        _ => level == 2 || (level == 1 && IsLarge),
    };

    /// <summary>log2 of the entries in a contiguous run at a level; 0 where the contiguous bit has no meaning.</summary>
    public int ContiguousShift(int level) => GranuleShift switch
    {
        12 => level is >= 1 and <= 3 ? 4 : 0,
        14 => level == 3 ? 7 : level == 2 ? 5 : 0,
        _ => level is 2 or 3 ? 5 : 0,
    };

    /// <summary>The address in a descriptor, aligned to <paramref name="alignmentShift"/> (<c>AArch64.LeafBase</c>, <c>NextTableBase</c>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong AddressOf(ulong descriptor, int alignmentShift)
    {
        const ulong Low48 = (1UL << 48) - 1;
        ulong address = descriptor & Low48;
        address = address >> alignmentShift << alignmentShift;
        if (IsLarge)
        {
            address |= ((descriptor >> 12) & 15) << 48;
        }
        else if (IsWide)
        {
            address |= (((descriptor >> 8) & 3) << 50) | (((descriptor >> 48) & 3) << 48);
        }

        return address;
    }

    /// <summary>Whether an address is too wide: an address size fault.</summary>
    public bool IsOutOfRange(ulong address) => address >> OutputBits != 0;

    /// <summary>The output width that a PS field gives (<c>AArch64.PhysicalAddressSize</c>).</summary>
    internal static int OutputBitsOf(int ps, int granuleShift, bool isWide, int cpuBits)
    {
        int formatBits = granuleShift == 16 || isWide ? 52 : 48;
        return Math.Min(Math.Min(formatBits, cpuBits), ArchitectureProfile.AddressBitsOf(ps));
    }

    /// <summary>The root table's address in a TTBR (<c>AArch64.S1TTBaseAddress</c>): wide in some formats, aligned to the root's size.</summary>
    internal ulong RootOf(ulong ttbr, int inputBits, int startLevel, bool isWideBase)
    {
        int rootShift = inputBits - EntryShift(startLevel) + 3;
        ulong root;
        if (isWideBase)
        {
            rootShift = Math.Max(rootShift, 6);
            root = (ttbr & 0x0000_FFFF_FFFF_FFC0UL) | (((ttbr >> 2) & 15) << 48);
        }
        else
        {
            root = ttbr & 0x0000_FFFF_FFFF_FFFEUL;
        }

        return root >> rootShift << rootShift;
    }
}
