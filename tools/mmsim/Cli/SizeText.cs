using System.Globalization;
using Engine.Core.Units;

namespace Mmsim.Cli;

/// <summary>Sizes as people write them: <c>4096</c>, <c>64K</c>, <c>1G</c> (binary units).</summary>
public static class SizeText
{
    private const ulong PhysicalMemoryMax = 4UL << 40;

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

    /// <summary>Reads an amount of RAM.</summary>
    /// <param name="text">As the user wrote it.</param>
    /// <param name="what">The option, for the message.</param>
    /// <param name="unitBytes">What it must be a multiple of.</param>
    /// <exception cref="InputException">It is none.</exception>
    public static ulong ParseMemory(string text, string what, ulong unitBytes)
    {
        ulong bytes = Parse(text, what);
        return bytes is > 0 and <= PhysicalMemoryMax && bytes % unitBytes == 0
            ? bytes
            : throw new InputException($"{what}: {text} is no amount of RAM", $"a multiple of {(unitBytes == Pfn.PageSizeBytes ? "4K" : "2M")} up to 4T, such as 1G");
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
