using System.Globalization;
using Engine.Arm64.Translation;

namespace Engine.PropertyTests.Translation;

/// <summary>What <c>mmsim walk --csv</c> must print for a naive walk's result.</summary>
internal static class NaiveRow
{
    public static string Of(ulong va, in NaiveResult result, bool hasDirtyState)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        string par = ParEl1(result).ToString("x16", culture);
        if (result.Fault != FaultKind.None)
        {
            string name = result.Fault switch
            {
                FaultKind.Translation => "translation",
                FaultKind.AccessFlag => "access_flag",
                FaultKind.Permission => "permission",
                FaultKind.AddressSize => "address_size",
                _ => "external_abort",
            };
            return string.Create(culture, $"0x{va:x16},{name},,{result.Level},,,,0x{par}");
        }

        int contiguous = result.RunShift > result.BlockShift ? 1 : 0;
        return string.Create(
            culture, $"0x{va:x16},ok,0x{result.Address:x},{result.Level},{1UL << result.BlockShift},{contiguous},{Attributes(result, hasDirtyState)},0x{par}");
    }

    /// <summary>PAR_EL1 field by field: the table of fault status codes, and the fields of a translation that succeeded (Arm DDI 0487, D24.2).</summary>
    public static ulong ParEl1(in NaiveResult result)
    {
        ulong par = 1UL << 11;
        if (result.Fault == FaultKind.None)
        {
            par |= (ulong)result.Attribute << 56;
            par |= result.Address / 4096 * 4096;
            par |= 1UL << 9;
            return par | ((ulong)result.Shareability << 7);
        }

        int status = (result.Fault, result.Level) switch
        {
            (FaultKind.AddressSize, -1) => 0b101001,
            (FaultKind.AddressSize, 0) => 0b000000,
            (FaultKind.AddressSize, 1) => 0b000001,
            (FaultKind.AddressSize, 2) => 0b000010,
            (FaultKind.AddressSize, 3) => 0b000011,
            (FaultKind.Translation, -1) => 0b101011,
            (FaultKind.Translation, 0) => 0b000100,
            (FaultKind.Translation, 1) => 0b000101,
            (FaultKind.Translation, 2) => 0b000110,
            (FaultKind.Translation, 3) => 0b000111,
            (FaultKind.AccessFlag, 0) => 0b001000,
            (FaultKind.AccessFlag, 1) => 0b001001,
            (FaultKind.AccessFlag, 2) => 0b001010,
            (FaultKind.AccessFlag, 3) => 0b001011,
            (FaultKind.Permission, 0) => 0b001100,
            (FaultKind.Permission, 1) => 0b001101,
            (FaultKind.Permission, 2) => 0b001110,
            (FaultKind.Permission, 3) => 0b001111,
            (FaultKind.ExternalAbort, -1) => 0b010011,
            (FaultKind.ExternalAbort, 0) => 0b010100,
            (FaultKind.ExternalAbort, 1) => 0b010101,
            (FaultKind.ExternalAbort, 2) => 0b010110,
            (FaultKind.ExternalAbort, 3) => 0b010111,
            _ => throw new InvalidOperationException($"{result.Fault} at level {result.Level}"),
        };
        par |= (ulong)status << 1;
        par |= result.IsOnStage1Walk ? 1UL << 8 : 0;
        par |= result.IsStage2 ? 1UL << 9 : 0;
        return par | 1;
    }

    private static string Attributes(in NaiveResult result, bool hasDirtyState)
    {
        ulong leaf = result.Descriptor;
        string allowed = result.Allowed!;
        bool isClean = hasDirtyState && NaiveWalker.Bit(leaf, 51) && NaiveWalker.Bit(leaf, 7) && allowed.Contains('w', StringComparison.Ordinal);
        bool isOuter = result.Attribute >> 4 == 0 || result.Attribute == 0x44;
        string shareability = isOuter ? "osh" : result.Shareability switch { 0 => "nsh", 2 => "osh", 3 => "ish", _ => "sh1" };
        return $"el1={allowed[..3]} el0={allowed[3..]}" + (NaiveWalker.Bit(leaf, 10) ? " af" : "") + (NaiveWalker.Bit(leaf, 11) ? " ng" : "")
            + (NaiveWalker.Bit(leaf, 50) ? " gp" : "") + (isClean ? " clean" : "") + $" {shareability} attr=0x{result.Attribute:x2}";
    }
}
