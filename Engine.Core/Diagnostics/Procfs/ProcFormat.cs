using System.Globalization;
using System.Text;

namespace Engine.Core.Diagnostics.Procfs;

/// <summary>The kernel's printf conversions, as far as <c>/proc</c> needs them.</summary>
internal static class ProcFormat
{
    /// <summary><c>%d</c>.</summary>
    public static StringBuilder AppendNumber(this StringBuilder text, int value) => text.Append(CultureInfo.InvariantCulture, $"{value}");

    /// <summary><c>%*lu</c>: right-aligned, never cut.</summary>
    public static StringBuilder AppendNumber(this StringBuilder text, ulong value, int width = 0) =>
        text.Append(value.ToString(CultureInfo.InvariantCulture).PadLeft(width));

    /// <summary><c>%*s</c>, or <c>%-*s</c> where the width is negative.</summary>
    public static StringBuilder AppendPadded(this StringBuilder text, string value, int width) =>
        text.Append(width < 0 ? value.PadRight(-width) : value.PadLeft(width));
}
