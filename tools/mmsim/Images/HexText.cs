using System.Globalization;
using Mmsim.Cli;

namespace Mmsim.Images;

/// <summary>Addresses and register values: hexadecimal, with or without 0x.</summary>
internal static class HexText
{
    /// <summary>Parses up to 64 bits.</summary>
    /// <param name="text">Hexadecimal digits.</param>
    /// <param name="what">What the number is, for the message.</param>
    /// <exception cref="InputException">The text is no such number.</exception>
    public static ulong Parse(string text, string what) =>
        TryParse(text, out ulong value) ? value : throw new InputException($"{what}: '{text}' is not a number", "hexadecimal, up to 64 bits");

    /// <summary>Parses up to 64 bits.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out ulong value)
    {
        text = text.Trim();
        ReadOnlySpan<char> digits = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text[2..] : text;
        return ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }
}
