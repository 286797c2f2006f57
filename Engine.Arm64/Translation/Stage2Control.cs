// VTCR_EL2, decoded (Arm DDI 0487, D24.2.192):
//
//   5:0 T0SZ   7:6 SL0   13:12 SH0   15:14 TG0   18:16 PS   21 HA   22 HD   32 DS   33 SL2
//
// Unlike stage 1, the start level is configured. A root may be up to 16 tables side by side.

namespace Engine.Arm64.Translation;

/// <summary>The parameters of a stage 2 walk.</summary>
internal readonly record struct Stage2Control
{
    private Stage2Control(in Stage2Registers registers, in ArchitectureProfile profile)
    {
        ulong vtcr = registers.Vtcr;
        int granuleShift = TranslationControl.LowerGranule(vtcr);
        bool isWide = granuleShift != 16 && Bit(vtcr, 32) && profile.Has(TranslationFeatures.LargePhysicalAddress2);
        bool isLarge = granuleShift == 16 && profile.Has(TranslationFeatures.LargePhysicalAddress);
        int ps = (int)((vtcr >> 16) & 7);
        Format = new TableFormat(
            granuleShift, isWide, isLarge, TableFormat.OutputBitsOf(ps, granuleShift, isWide, profile.PhysicalAddressBits));
        InputBits = 64 - (int)(vtcr & 63);
        StartLevel = StartLevelOf(granuleShift, (int)((vtcr >> 6) & 3), isWide && Bit(vtcr, 33), isWide, profile);
        IsConfigured = granuleShift != 0 && StartLevel != LevelInvalid
            && IsSizeLegal((int)(vtcr & 63), Format, profile) && IsStartConsistent(InputBits, StartLevel, Format);
        Root = IsConfigured ? Format.RootOf(registers.Vttbr, InputBits, StartLevel, isWide || (isLarge && ps == 6)) : 0;
        SetsAccessFlag = Bit(vtcr, 21) && profile.Has(TranslationFeatures.HardwareAccessFlag);
        SetsDirtyState = SetsAccessFlag && Bit(vtcr, 22) && profile.Has(TranslationFeatures.HardwareDirtyState);
        Shareability = (byte)((vtcr >> 12) & 3);
        IsExecuteNeverByLevel = profile.Has(TranslationFeatures.Stage2ExecuteNeverByLevel);
    }

    private const int LevelInvalid = int.MinValue;

    public TableFormat Format { get; }

    public int InputBits { get; }

    public int StartLevel { get; }

    public bool IsConfigured { get; }

    public ulong Root { get; }

    public bool SetsAccessFlag { get; }

    public bool SetsDirtyState { get; }

    public byte Shareability { get; }

    public bool IsExecuteNeverByLevel { get; }

    public static Stage2Control Decode(in Stage2Registers registers, in ArchitectureProfile profile) => new(registers, profile);

    // AArch64.S2StartLevel and AArch64.S2InvalidSL.
    private static int StartLevelOf(int granuleShift, int sl0, bool sl2, bool isWide, in ArchitectureProfile profile)
    {
        int paBits = profile.PhysicalAddressBits;
        switch (granuleShift)
        {
            case 12 when sl2:
                return sl0 == 0 && paBits >= 52 ? -1 : LevelInvalid;
            case 12:
                bool isBarred = (sl0 == 2 && paBits < 44) || (sl0 == 3 && !profile.Has(TranslationFeatures.SmallTables));
                return isBarred ? LevelInvalid : sl0 == 3 ? 3 : 2 - sl0;
            case 14:
                bool isBarred16 = (sl0 == 3 && !(isWide && paBits >= 52)) || (sl0 == 2 && !isWide && paBits < 42);
                return isBarred16 ? LevelInvalid : 3 - sl0;
            case 16:
                return sl0 == 3 || (sl0 == 2 && paBits < 44) ? LevelInvalid : 3 - sl0;
            default:
                return LevelInvalid;
        }
    }

    // AArch64.S2TxSZFaults: 52-bit input addresses need a CPU with 52-bit physical addresses.
    private static bool IsSizeLegal(int sizeOffset, in TableFormat format, in ArchitectureProfile profile)
    {
        bool is64K = format.GranuleShift == 16;
        int least = profile.PhysicalAddressBits >= 52 && (is64K || format.IsWide) ? 12 : 16;
        int most = !profile.Has(TranslationFeatures.SmallTables) ? 39 : is64K ? 47 : 48;
        return sizeOffset >= least && sizeOffset <= most;
    }

    // AArch64.S2InconsistentSL: the root must decode at least one bit, and be at most 16 tables side by side.
    private static bool IsStartConsistent(int inputBits, int startLevel, in TableFormat format)
    {
        int least = ((TableFormat.LastLevel - startLevel) * format.Stride) + format.GranuleShift + 1;
        return inputBits >= least && inputBits <= least + (format.Stride - 1) + 4;
    }

    private static bool Bit(ulong value, int bit) => ((value >> bit) & 1) != 0;
}
