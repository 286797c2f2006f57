namespace Engine.Arm64.Translation;

/// <summary>The system registers that stage 1 of the EL1&amp;0 regime depends on, as the hardware holds them.</summary>
/// <param name="Ttbr0">TTBR0_EL1: root of the lower half, and an ASID.</param>
/// <param name="Ttbr1">TTBR1_EL1: root of the upper half, and an ASID.</param>
/// <param name="Tcr">TCR_EL1.</param>
/// <param name="Mair">MAIR_EL1: eight memory types.</param>
/// <param name="Sctlr">SCTLR_EL1: M (0), I (12), WXN (19), EE (25) and EPAN (57) matter.</param>
/// <param name="Profile">What the CPU implements.</param>
public readonly record struct TranslationRegisters(
    ulong Ttbr0, ulong Ttbr1, ulong Tcr, ulong Mair, ulong Sctlr, ArchitectureProfile Profile)
{
    /// <summary>SCTLR_EL1.M: stage 1 is on.</summary>
    public const ulong SctlrMmuOn = 1UL << 0;

    internal const ulong SctlrInstructionCache = 1UL << 12;
    internal const ulong SctlrWxn = 1UL << 19;
    internal const ulong SctlrBigEndian = 1UL << 25;
    internal const ulong SctlrEpan = 1UL << 57;

    private const ulong TcrA1 = 1UL << 22;
    private const ulong TcrAsid16 = 1UL << 36;

    /// <summary>The current ASID: from TTBR1 where TCR.A1 is set, else from TTBR0; 16 bits with TCR.AS, else 8.</summary>
    public Units.Asid Asid
    {
        get
        {
            ulong ttbr = (Tcr & TcrA1) != 0 ? Ttbr1 : Ttbr0;
            ushort asid = (ushort)(ttbr >> 48);
            return new Units.Asid((Tcr & TcrAsid16) != 0 ? asid : (ushort)(asid & 0xFF));
        }
    }
}
