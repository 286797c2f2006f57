using Engine.Arm64.Translation;

namespace Engine.PropertyTests.Translation;

/// <summary>How a system's tables are laid out: what TCR and the CPU's ID registers say.</summary>
/// <param name="Name">For messages.</param>
/// <param name="Granule">log2 of the granule in bytes.</param>
/// <param name="UserBits">Input address bits of the lower half.</param>
/// <param name="KernelBits">Input address bits of the upper half.</param>
/// <param name="IsWide">TCR.DS.</param>
/// <param name="HasHardwareFlags">TCR.HA and TCR.HD.</param>
/// <param name="PaRange">ID_AA64MMFR0_EL1.PARange, and TCR.IPS.</param>
/// <param name="RamStart">Where memory begins.</param>
internal sealed record SystemShape(
    string Name, int Granule, int UserBits, int KernelBits, bool IsWide, bool HasHardwareFlags, int PaRange, ulong RamStart)
{
    /// <summary>MAIR_EL1: every kind of memory that Linux uses.</summary>
    public const ulong Mair = 0x0000_BBF0_0044_04FF;

    public static readonly SystemShape[] All =
    [
        new("4K, 48 bits", 12, 48, 48, false, false, 5, 0x4000_0000),
        new("4K, 48 bits, hardware flags", 12, 48, 48, false, true, 5, 0x8_4000_0000),
        new("4K, 39 bits", 12, 39, 39, false, true, 2, 0x4000_0000),
        new("4K, 52 bits, five levels", 12, 52, 52, true, true, 6, 0x4000_0000),
        new("4K, 52 bits, memory above 2^48", 12, 52, 52, true, false, 6, 0x000B_8000_0000_0000),
        new("4K, 52-bit kernel, 48-bit user", 12, 48, 52, true, true, 6, 0x4000_0000),
        new("16K, 47 bits", 14, 47, 47, false, true, 5, 0x4000_0000),
        new("16K, 52 bits", 14, 52, 52, true, true, 6, 0x0005_0000_0000_0000),
        new("64K, 42 bits", 16, 42, 42, false, false, 4, 0x8000_0000),
        new("64K, 48 bits", 16, 48, 48, false, true, 5, 0x8000_0000),
        new("64K, 52 bits, memory above 2^48", 16, 52, 52, false, true, 6, 0x000F_0000_0000_0000),
    ];

    public int Stride => Granule - 3;

    public bool IsLarge => Granule == 16 && PaRange == 6;

    /// <summary>Both halves with the same granule; TBI for the lower one; inner shareable walks.</summary>
    public ulong Tcr => (uint)(64 - UserBits) | ((ulong)(uint)(64 - KernelBits) << 16) | (3UL << 12) | (3UL << 28)
        | (Granule switch { 12 => 0UL, 16 => 1UL, _ => 2UL } << 14) | (Granule switch { 12 => 2UL, 16 => 3UL, _ => 1UL } << 30)
        | ((ulong)(uint)PaRange << 32) | (1UL << 36) | (1UL << 37) | (1UL << 22) | (HasHardwareFlags ? 3UL << 39 : 0) | (1UL << 56) | (IsWide ? 1UL << 59 : 0);

    /// <summary>ID registers of a CPU that has what the shape needs: PARange, granules; HAFDBS, PAN3; LVA, E0PD, ST.</summary>
    public (ulong Mmfr0, ulong Mmfr1, ulong Mmfr2) IdRegisters => (
        (uint)PaRange | (2UL << 4) | ((IsWide ? 2UL : 1UL) << 20) | ((IsWide ? 1UL : 0UL) << 28),
        (HasHardwareFlags ? 2UL : 0UL) | (3UL << 20) | (1UL << 12),
        (IsLarge ? 1UL << 16 : 0UL) | (1UL << 28) | (1UL << 60));

    /// <summary>What those ID registers mean.</summary>
    public ArchitectureProfile Profile
    {
        get
        {
            TranslationFeatures features = TranslationFeatures.PrivilegedAccessNever | TranslationFeatures.PrivilegedAccessNever3
                | TranslationFeatures.HierarchicalPermissionDisables | TranslationFeatures.SmallTables | TranslationFeatures.E0pd;
            features |= HasHardwareFlags ? TranslationFeatures.HardwareAccessFlag | TranslationFeatures.HardwareDirtyState : 0;
            features |= IsWide ? TranslationFeatures.LargePhysicalAddress2 : 0;
            features |= IsLarge ? TranslationFeatures.LargeVirtualAddress : 0;
            features |= PaRange == 6 ? TranslationFeatures.LargePhysicalAddress : 0;
            return new ArchitectureProfile(features, PaRange switch { 2 => 40, 4 => 44, 5 => 48, _ => 52 });
        }
    }

    /// <summary>log2 of what an entry of a level translates.</summary>
    public int EntryShift(int level) => Granule + ((3 - level) * Stride);

    public int StartLevel(int inputBits)
    {
        int level = 3;
        while (EntryShift(level) + Stride < inputBits)
        {
            level--;
        }

        return level;
    }

    /// <summary>log2 of the entries in a contiguous run; 0 where there are none.</summary>
    public int RunLog2(int level) => (Granule, level) switch
    {
        (12, 1 or 2 or 3) => 4,
        (14, 3) => 7,
        (14, 2) => 5,
        (16, 2 or 3) => 5,
        _ => 0,
    };

    /// <summary>Whether there are blocks at a level.</summary>
    public bool HasBlocks(int level) => (Granule, level) switch
    {
        (12, 1 or 2) or (14, 2) or (16, 2) => true,
        (12, 0) or (14, 1) => IsWide,
        (16, 1) => IsLarge,
        _ => false,
    };

    /// <summary>An output address at its place in a descriptor.</summary>
    public ulong Place(ulong address) => IsWide
        ? (address & 0x0003_FFFF_FFFF_F000) | (((address >> 50) & 3) << 8)
        : IsLarge ? (address & 0x0000_FFFF_FFFF_0000) | ((address >> 48) << 12) : address;

    /// <summary>A root's address at its place in a TTBR, with CnP.</summary>
    public ulong PlaceInTtbr(ulong root) => (IsWide || IsLarge ? (root & 0x0000_FFFF_FFFF_FFC0) | ((root >> 48) << 2) : root) | 1;

    public override string ToString() => Name;
}
