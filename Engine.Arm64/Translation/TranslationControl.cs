// TCR_EL1, decoded for one half of the address space (Arm DDI 0487, D24.2.177):
//
//   5:0 T0SZ    7 EPD0    13:12 SH0    15:14 TG0 (4K 00, 64K 01, 16K 10)
//   21:16 T1SZ  23 EPD1   29:28 SH1    31:30 TG1 (16K 01, 4K 10, 64K 11)      22 A1
//   34:32 IPS   36 AS     37/38 TBI0/1   39 HA   40 HD   41/42 HPD0/1   51/52 TBID0/1   55/56 E0PD0/1   59 DS

namespace Engine.Arm64.Translation;

/// <summary>What TCR_EL1 says about one half: the parameters of a stage 1 walk.</summary>
public readonly record struct TranslationControl
{
    private const int InputBitsMax = 52;

    private TranslationControl(in TranslationRegisters registers, bool isUpper)
    {
        ulong tcr = registers.Tcr;
        ArchitectureProfile profile = registers.Profile;
        IsUpper = isUpper;
        int granuleShift = isUpper ? UpperGranule(tcr) : LowerGranule(tcr);
        bool isWide = granuleShift != 16 && Bit(tcr, 59) && profile.Has(TranslationFeatures.LargePhysicalAddress2);
        bool isLarge = granuleShift == 16 && profile.Has(TranslationFeatures.LargePhysicalAddress);
        int ps = (int)((tcr >> 32) & 7);
        Format = new TableFormat(
            granuleShift, isWide, isLarge, TableFormat.OutputBitsOf(ps, granuleShift, isWide, profile.PhysicalAddressBits));

        int sizeOffset = (int)((tcr >> (isUpper ? 16 : 0)) & 63);
        InputBits = 64 - sizeOffset;
        bool isSizeLegal = IsSizeLegal(sizeOffset, Format, profile);
        IsConfigured = granuleShift != 0 && isSizeLegal;
        StartLevel = IsConfigured ? TableFormat.LastLevel - ((InputBits - 1 - granuleShift) / Format.Stride) : 0;
        bool isWideBase = isWide || (isLarge && ps == 6);
        Root = IsConfigured ? Format.RootOf(isUpper ? registers.Ttbr1 : registers.Ttbr0, InputBits, StartLevel, isWideBase) : 0;

        bool isTagged = Bit(tcr, isUpper ? 38 : 37);
        bool isDataOnly = Bit(tcr, isUpper ? 52 : 51) && profile.Has(TranslationFeatures.PointerAuthentication);
        IgnoresTopByteOfData = isTagged;
        IgnoresTopByteOfCode = isTagged && !isDataOnly;
        IsWalkDisabled = Bit(tcr, isUpper ? 23 : 7);
        IsClosedToUser = Bit(tcr, isUpper ? 56 : 55) && profile.Has(TranslationFeatures.E0pd);
        IgnoresTableAttributes = Bit(tcr, isUpper ? 42 : 41) && profile.Has(TranslationFeatures.HierarchicalPermissionDisables);
        SetsAccessFlag = Bit(tcr, 39) && profile.Has(TranslationFeatures.HardwareAccessFlag);
        SetsDirtyState = SetsAccessFlag && Bit(tcr, 40) && profile.Has(TranslationFeatures.HardwareDirtyState);
        Shareability = (byte)((tcr >> (isUpper ? 28 : 12)) & 3);
    }

    /// <summary>The upper half: TTBR1.</summary>
    public bool IsUpper { get; }

    /// <summary>How descriptors are laid out.</summary>
    public TableFormat Format { get; }

    /// <summary>Bits of an input address: 64 - TxSZ.</summary>
    public int InputBits { get; }

    /// <summary>False for a reserved granule or a TxSZ out of range: every access faults at level 0.</summary>
    public bool IsConfigured { get; }

    /// <summary>The root's level, -1..3.</summary>
    public int StartLevel { get; }

    /// <summary>The root's physical address.</summary>
    public ulong Root { get; }

    /// <summary>TBI: bits 63:56 of data addresses are a tag.</summary>
    public bool IgnoresTopByteOfData { get; }

    /// <summary>TBI without TBID: of instruction addresses as well.</summary>
    public bool IgnoresTopByteOfCode { get; }

    /// <summary>EPD: a TLB miss in this half faults.</summary>
    public bool IsWalkDisabled { get; }

    /// <summary>E0PD: EL0's accesses to this half fault.</summary>
    public bool IsClosedToUser { get; }

    /// <summary>HPD: APTable, XNTable and PXNTable have no effect.</summary>
    public bool IgnoresTableAttributes { get; }

    /// <summary>HA: the hardware sets the access flag.</summary>
    public bool SetsAccessFlag { get; }

    /// <summary>HD (with HA): the hardware sets the dirty state.</summary>
    public bool SetsDirtyState { get; }

    /// <summary>SH: shareability of table walks, and of all memory with LPA2.</summary>
    public byte Shareability { get; }

    /// <summary>Bytes of the root table.</summary>
    public int RootBytes => IsConfigured ? 8 << (InputBits - Format.EntryShift(StartLevel)) : 0;

    /// <summary>Decodes one half.</summary>
    /// <param name="registers">The registers.</param>
    /// <param name="isUpper">The half of TTBR1.</param>
    public static TranslationControl Decode(in TranslationRegisters registers, bool isUpper) => new(registers, isUpper);

    /// <summary>log2 of the granule that VTCR.TG0 and TCR.TG0 encode, or 0 where reserved.</summary>
    internal static int LowerGranule(ulong control) => ((control >> 14) & 3) switch { 0 => 12, 1 => 16, 2 => 14, _ => 0 };

    /// <summary>Whether TxSZ is in range (<c>AArch64.S1TxSZFaults</c>; where the architecture leaves the choice, out of range faults).</summary>
    internal static bool IsSizeLegal(int sizeOffset, in TableFormat format, in ArchitectureProfile profile)
    {
        bool is64K = format.GranuleShift == 16;
        int least = format.IsWide || (is64K && profile.Has(TranslationFeatures.LargeVirtualAddress)) ? 64 - InputBitsMax : 16;
        int most = !profile.Has(TranslationFeatures.SmallTables) ? 39 : is64K ? 47 : 48;
        return sizeOffset >= least && sizeOffset <= most;
    }

    private static int UpperGranule(ulong tcr) => ((tcr >> 30) & 3) switch { 1 => 14, 2 => 12, 3 => 16, _ => 0 };

    private static bool Bit(ulong value, int bit) => ((value >> bit) & 1) != 0;
}
