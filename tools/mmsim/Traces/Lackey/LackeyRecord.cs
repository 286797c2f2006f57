// The form of a record, strictly:
//
//   I  ADDR,SIZE        ADDR: 1..16 lower-case hexadecimal digits
//    L ADDR,SIZE        SIZE: 1..4 decimal digits, 1..1023
//    S ADDR,SIZE
//    M ADDR,SIZE
//
// This parser is the definition; the fast one gives up on everything that is not quite ordinary and asks this one.

using System.Globalization;
using System.Text;
using Engine.Arm64.Translation;

namespace Mmsim.Traces.Lackey;

/// <summary>Parses one access record of a lackey log.</summary>
internal static class LackeyRecord
{
    /// <summary>What a record looks like, for messages.</summary>
    public const string Form = "a lackey record such as ' L 1fff000cd8,8'";

    private const int PrefixBytes = 3;
    private const int HexDigitsMax = 16;
    private const int SizeDigitsMax = 4;
    private const int VirtualAddressBits = 48;

    /// <summary>Whether a line begins as a record does.</summary>
    public static bool HasPrefix(ReadOnlySpan<byte> line) => KindOf(line) is not null;

    /// <summary>Parses a line that begins as a record does.</summary>
    /// <param name="line">The line without its end.</param>
    /// <param name="word">The packed access.</param>
    /// <returns>What is wrong with the line and what was expected, or null.</returns>
    public static (string Wrong, string? Expected)? Parse(ReadOnlySpan<byte> line, out ulong word)
    {
        word = 0;
        AccessKind? kind = KindOf(line);
        int comma = line.IndexOf((byte)',');
        if (kind is null || comma < 0)
        {
            return NotARecord(line);
        }

        ReadOnlySpan<byte> hex = line[PrefixBytes..comma];
        ReadOnlySpan<byte> digits = line[(comma + 1)..];
        if (!TryHex(hex, out ulong address) || !TryDecimal(digits, out uint sizeBytes))
        {
            return NotARecord(line);
        }

        long high = unchecked((long)address) >> VirtualAddressBits;
        if (high is not (0 or -1))
        {
            return ($"address 0x{address:x} is not canonical", "bits 63 to 48 all equal, in a 48-bit address space");
        }

        if (sizeBytes is 0 or > Access.SizeBytesMax)
        {
            return ($"an access of {sizeBytes} bytes", string.Create(CultureInfo.InvariantCulture, $"1 to {Access.SizeBytesMax}"));
        }

        word = AccessWord.Pack(address, sizeBytes, (uint)kind.Value);
        return null;
    }

    /// <summary>The message about a line that is nothing known.</summary>
    public static (string Wrong, string? Expected) NotARecord(ReadOnlySpan<byte> line)
    {
        const int QuotedMax = 40;
        if (line.ContainsAnyExceptInRange((byte)' ', (byte)'~') && !IsPlausibleText(line))
        {
            return ("binary data", Form);
        }

        string text = Encoding.UTF8.GetString(line[..Math.Min(line.Length, QuotedMax)]);
        return ($"'{text}{(line.Length > QuotedMax ? "…" : "")}' is not a line of a lackey trace", Form);
    }

    // Text in some encoding has tabs and high bytes, but no other control characters.
    private static bool IsPlausibleText(ReadOnlySpan<byte> line)
    {
        foreach (byte one in line)
        {
            if (one < ' ' && one is not ((byte)'\t' or (byte)'\r'))
            {
                return false;
            }
        }

        return true;
    }

    private static AccessKind? KindOf(ReadOnlySpan<byte> line) =>
        line.Length < PrefixBytes || line[2] != ' ' ? null : (line[0], line[1]) switch
        {
            ((byte)'I', (byte)' ') => AccessKind.Fetch,
            ((byte)' ', (byte)'L') => AccessKind.Load,
            ((byte)' ', (byte)'S') => AccessKind.Store,
            ((byte)' ', (byte)'M') => AccessKind.Modify,
            _ => null,
        };

    private static bool TryHex(ReadOnlySpan<byte> text, out ulong value)
    {
        value = 0;
        if (text.Length is 0 or > HexDigitsMax)
        {
            return false;
        }

        foreach (byte digit in text)
        {
            int nibble = digit switch
            {
                >= (byte)'0' and <= (byte)'9' => digit - '0',
                >= (byte)'a' and <= (byte)'f' => digit - 'a' + 10,
                _ => -1,
            };
            if (nibble < 0)
            {
                return false;
            }

            value = (value << 4) | (uint)nibble;
        }

        return true;
    }

    private static bool TryDecimal(ReadOnlySpan<byte> text, out uint value)
    {
        value = 0;
        if (text.Length is 0 or > SizeDigitsMax)
        {
            return false;
        }

        foreach (byte digit in text)
        {
            if (digit is < (byte)'0' or > (byte)'9')
            {
                return false;
            }

            value = (value * 10) + (uint)(digit - '0');
        }

        return true;
    }
}
