using System.Globalization;

namespace Mmsim.Cli;

/// <summary>Sizes as people write them: <c>4096</c>, <c>64K</c>, <c>1G</c> (binary units).</summary>
public static class SizeText
{
    /// <summary>Parses a size in bytes.</summary>
    /// <param name="text">Digits and at most one of K, M, G, T.</param>
    /// <param name="what">What the size is of, for the message.</param>
    /// <exception cref="InputException">The text is not a size.</exception>
    public static ulong Parse(string text, string what)
    {
        int shift = text.Length == 0 ? 0 : char.ToUpperInvariant(text[^1]) switch { 'K' => 10, 'M' => 20, 'G' => 30, 'T' => 40, _ => 0 };
        string digits = shift == 0 ? text : text[..^1];
        bool isNumber = ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value);
        if (!isNumber || value > ulong.MaxValue >> shift)
        {
            throw new InputException($"{what}: '{text}' is not a size", "a number with K, M, G or T, such as 512M");
        }

        return value << shift;
    }

    /// <summary>Formats a size in bytes with one decimal: <c>15.6 MiB</c>.</summary>
    public static string Format(ulong bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        double value = bytes;
        int unit = 0;
        while (value >= 1024 && unit < units.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        return unit == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{bytes} B")
            : string.Create(CultureInfo.InvariantCulture, $"{value:0.0} {units[unit]}");
    }
}
