using System.Globalization;
using System.Text;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Mmsim.Walk;

/// <summary>One translated address as text.</summary>
internal static class WalkLine
{
    /// <summary>The columns of <c>--csv</c>.</summary>
    public const string CsvHeader = "va,result,pa,level,size,contiguous,attributes,par_el1";

    /// <summary>Appends a line.</summary>
    public static void Append(StringBuilder text, VirtAddr address, in TranslationResult result, bool isCsv)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        ulong va = address.ToUInt64();
        if (!isCsv)
        {
            text.Append(culture, $"0x{va:x16}  ");
            if (result.IsOk)
            {
                string run = result.IsContiguous ? $" in a run of {SizeOf(result.RunShift)}" : "";
                text.Append(culture, $"0x{result.Address.ToUInt64():x}  level {result.Level}, {SizeOf(result.BlockShift)}{run}, {Attributes(result)}, PAR_EL1 0x{result.ParEl1:x16}\n");
            }
            else
            {
                text.Append(culture, $"fault: {result.Fault}, PAR_EL1 0x{result.ParEl1:x16}\n");
            }

            return;
        }

        text.Append(culture, $"0x{va:x16},{result.Fault.Name},");
        if (result.IsOk)
        {
            int contiguous = result.IsContiguous ? 1 : 0;
            text.Append(culture, $"0x{result.Address.ToUInt64():x},{result.Level},{1UL << result.BlockShift},{contiguous},{Attributes(result)}");
        }
        else
        {
            text.Append(culture, $",{result.Fault.Level},,,");
        }

        text.Append(culture, $",0x{result.ParEl1:x16}\n");
    }

    /// <summary>A leaf's attributes: what EL1 and EL0 may do, flags, shareability and the MAIR byte, separated by blanks.</summary>
    public static string Attributes(in TranslationResult result)
    {
        StringBuilder text = new();
        text.Append("el1=").Append(Letters((int)result.Permissions >> 3)).Append(" el0=").Append(Letters((int)result.Permissions & 7));
        text.Append(result.Descriptor.IsYoung ? " af" : "").Append(result.IsGlobal ? "" : " ng").Append(result.IsGuarded ? " gp" : "");
        text.Append(result.IsDirtyPending ? " clean" : "");
        text.Append(result.Attributes.EffectiveShareability switch { 0 => " nsh", 2 => " osh", 3 => " ish", _ => " sh1" });
        return text.Append(CultureInfo.InvariantCulture, $" attr=0x{result.Attributes.Attribute:x2}").ToString();
    }

    /// <summary>A power of two in binary units: <c>64K</c>.</summary>
    public static string SizeOf(int shift)
    {
        const string Units = "BKMGTPE";
        int unit = shift / 10;
        return string.Create(CultureInfo.InvariantCulture, $"{1 << (shift % 10)}{(unit == 0 ? "" : Units[unit])}");
    }

    private static string Letters(int bits) =>
        $"{((bits & 1) != 0 ? 'r' : '-')}{((bits & 2) != 0 ? 'w' : '-')}{((bits & 4) != 0 ? 'x' : '-')}";
}
