namespace Engine.Arm64.Translation;

/// <summary>What of the architecture a CPU implements.</summary>
/// <param name="Features">Optional parts.</param>
/// <param name="PhysicalAddressBits">ID_AA64MMFR0_EL1.PARange in bits: 32, 36, 40, 42, 44, 48 or 52.</param>
public readonly record struct ArchitectureProfile(TranslationFeatures Features, int PhysicalAddressBits)
{
    /// <summary>A CPU with everything, 52-bit physical addresses.</summary>
    public static readonly ArchitectureProfile Full = new(TranslationFeatures.All, 52);

    /// <summary>Bits of a physical address by the encoding of PARange, TCR.IPS and VTCR.PS (Arm DDI 0487, D8.1.8).</summary>
    /// <param name="encoding">0..7; 7 (56 bits) needs a descriptor format of 128 bits and counts as 52 here.</param>
    public static int AddressBitsOf(int encoding) => encoding switch { 0 => 32, 1 => 36, 2 => 40, 3 => 42, 4 => 44, 5 => 48, _ => 52 };

    /// <summary>Whether all of <paramref name="features"/> are there.</summary>
    public bool Has(TranslationFeatures features) => (Features & features) == features;

    /// <summary>Reads a CPU's ID registers (Arm DDI 0487, D24.2).</summary>
    /// <param name="mmfr0">ID_AA64MMFR0_EL1.</param>
    /// <param name="mmfr1">ID_AA64MMFR1_EL1.</param>
    /// <param name="mmfr2">ID_AA64MMFR2_EL1.</param>
    /// <param name="isar1">ID_AA64ISAR1_EL1.</param>
    /// <param name="isar2">ID_AA64ISAR2_EL1.</param>
    public static ArchitectureProfile FromIdRegisters(ulong mmfr0, ulong mmfr1, ulong mmfr2, ulong isar1, ulong isar2)
    {
        int paRange = Field(mmfr0, 0);
        int pan = Field(mmfr1, 20);
        int hafdbs = Field(mmfr1, 0);
        bool hasLpa2 = Field(mmfr0, 28) == 1 || Field(mmfr0, 20) == 2;
        bool hasPauth = (isar1 & 0xFF00_0FF0UL) != 0 || (isar2 & 0xFF00UL) != 0;
        TranslationFeatures features =
            When(Field(mmfr2, 16) >= 1, TranslationFeatures.LargeVirtualAddress)
            | When(paRange >= 6, TranslationFeatures.LargePhysicalAddress)
            | When(hasLpa2, TranslationFeatures.LargePhysicalAddress2)
            | When(Field(mmfr2, 28) >= 1, TranslationFeatures.SmallTables)
            | When(hafdbs >= 1, TranslationFeatures.HardwareAccessFlag)
            | When(hafdbs >= 2, TranslationFeatures.HardwareDirtyState)
            | When(pan >= 1, TranslationFeatures.PrivilegedAccessNever)
            | When(pan >= 3, TranslationFeatures.PrivilegedAccessNever3)
            | When(Field(mmfr2, 60) >= 1, TranslationFeatures.E0pd)
            | When(Field(mmfr1, 12) >= 1, TranslationFeatures.HierarchicalPermissionDisables)
            | When(hasPauth, TranslationFeatures.PointerAuthentication)
            | When(Field(mmfr1, 28) >= 1, TranslationFeatures.Stage2ExecuteNeverByLevel)
            | When(Field(mmfr2, 40) >= 1, TranslationFeatures.Stage2ForcedWriteBack);
        return new(features, AddressBitsOf(paRange));
    }

    private static int Field(ulong register, int shift) => (int)((register >> shift) & 15);

    private static TranslationFeatures When(bool condition, TranslationFeatures feature) => condition ? feature : TranslationFeatures.None;
}
