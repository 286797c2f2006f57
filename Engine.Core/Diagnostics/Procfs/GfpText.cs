// Allocation flags as trace events and failure reports print them (include/trace/events/mmflags.h, show_gfp_flags).
//
// Printing is greedy: the table is gone through from the top, an entry whose bits are all set is printed and its bits are
// removed, and what no entry covers is printed in hexadecimal. So GFP_KERNEL stands for four flags, and reading a text
// back is the union of its names. Names that Linux had before or has had since v6.9 are known without any bit here,
// because what they ask for does not exist in the model.

using System.Globalization;
using System.Text;
using Engine.Core.Units;

namespace Engine.Core.Diagnostics.Procfs;

/// <summary>Allocation flags as text.</summary>
public static class GfpText
{
    private const uint SkipZero = 0x1000000;
    private const uint SkipKasan = 0x2000000;

    private static readonly (string Name, uint Bits)[] Table =
    [
        ("GFP_TRANSHUGE", (uint)GfpFlags.TransHuge),
        ("GFP_TRANSHUGE_LIGHT", (uint)GfpFlags.TransHugeLight),
        ("GFP_HIGHUSER_MOVABLE", (uint)GfpFlags.HighUserMovable),
        ("GFP_HIGHUSER", (uint)GfpFlags.HighUser),
        ("GFP_USER", (uint)GfpFlags.User),
        ("GFP_KERNEL_ACCOUNT", (uint)GfpFlags.KernelAccount),
        ("GFP_KERNEL", (uint)GfpFlags.Kernel),
        ("GFP_NOFS", (uint)GfpFlags.NoFs),
        ("GFP_ATOMIC", (uint)GfpFlags.Atomic),
        ("GFP_NOIO", (uint)GfpFlags.NoIo),
        ("GFP_NOWAIT", (uint)GfpFlags.NoWait),
        ("GFP_DMA", (uint)GfpFlags.Dma),
        ("__GFP_HIGHMEM", (uint)GfpFlags.HighMem),
        ("GFP_DMA32", (uint)GfpFlags.Dma32),
        ("__GFP_HIGH", (uint)GfpFlags.High),
        ("__GFP_IO", (uint)GfpFlags.Io),
        ("__GFP_FS", (uint)GfpFlags.Fs),
        ("__GFP_NOWARN", (uint)GfpFlags.NoWarn),
        ("__GFP_RETRY_MAYFAIL", (uint)GfpFlags.RetryMayFail),
        ("__GFP_NOFAIL", (uint)GfpFlags.NoFail),
        ("__GFP_NORETRY", (uint)GfpFlags.NoRetry),
        ("__GFP_COMP", (uint)GfpFlags.Comp),
        ("__GFP_ZERO", (uint)GfpFlags.Zero),
        ("__GFP_NOMEMALLOC", (uint)GfpFlags.NoMemAlloc),
        ("__GFP_MEMALLOC", (uint)GfpFlags.MemAlloc),
        ("__GFP_HARDWALL", (uint)GfpFlags.HardWall),
        ("__GFP_THISNODE", (uint)GfpFlags.ThisNode),
        ("__GFP_RECLAIMABLE", (uint)GfpFlags.Reclaimable),
        ("__GFP_MOVABLE", (uint)GfpFlags.Movable),
        ("__GFP_ACCOUNT", (uint)GfpFlags.Account),
        ("__GFP_WRITE", (uint)GfpFlags.Write),
        ("__GFP_RECLAIM", (uint)GfpFlags.Reclaim),
        ("__GFP_DIRECT_RECLAIM", (uint)GfpFlags.DirectReclaim),
        ("__GFP_KSWAPD_RECLAIM", (uint)GfpFlags.KswapdReclaim),
        ("__GFP_ZEROTAGS", (uint)GfpFlags.ZeroTags),
        ("__GFP_SKIP_ZERO", SkipZero),
        ("__GFP_SKIP_KASAN", SkipKasan),
    ];

    // Of int, for which the framework's dictionary is compiled ahead of time.
    private static readonly Dictionary<string, int> ByName = MakeByName();

    /// <summary>The flags as Linux v6.9 prints them: names joined by <c>|</c>, leftover bits in hexadecimal, <c>none</c> for zero.</summary>
    public static string Format(GfpFlags gfp)
    {
        uint left = (uint)gfp;
        if (left == 0)
        {
            return "none";
        }

        StringBuilder text = new();
        foreach ((string name, uint bits) in Table)
        {
            if ((left & bits) == bits)
            {
                text.Append(text.Length == 0 ? "" : "|").Append(name);
                left &= ~bits;
            }
        }

        if (left != 0)
        {
            text.Append(text.Length == 0 ? "" : "|").Append(CultureInfo.InvariantCulture, $"0x{left:x}");
        }

        return text.ToString();
    }

    /// <summary>Reads what a kernel has printed.</summary>
    /// <param name="text">Names and hexadecimal numbers joined by <c>|</c>, or <c>none</c>.</param>
    /// <param name="gfp">The union of all names known and of the numbers.</param>
    /// <param name="wrong">The first part that is neither a flag's name nor a number; null where there is none.</param>
    /// <returns>False where a part is wrong. A flag's name that v6.9 does not have is accepted and sets no bit.</returns>
    public static bool TryParse(string text, out GfpFlags gfp, out string? wrong)
    {
        gfp = GfpFlags.None;
        wrong = null;
        if (text == "none")
        {
            return true;
        }

        foreach (string part in text.Split('|'))
        {
            if (ByName.TryGetValue(part, out int named))
            {
                gfp |= (GfpFlags)named;
            }
            else if (part.StartsWith("0x", StringComparison.Ordinal)
                && uint.TryParse(part.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint bits))
            {
                gfp |= (GfpFlags)bits;
            }
            else if (!IsFlagName(part))
            {
                wrong = part;
                return false;
            }
        }

        return true;
    }

    private static Dictionary<string, int> MakeByName()
    {
        Dictionary<string, int> names = new(Table.Length + 2, StringComparer.Ordinal);
        foreach ((string name, uint bits) in Table)
        {
            names.Add(name, (int)bits);
        }

        // The printed names of the single bits that the table spells without underscores.
        names["__GFP_DMA"] = (int)GfpFlags.Dma;
        names["__GFP_DMA32"] = (int)GfpFlags.Dma32;
        return names;
    }

    private static bool IsFlagName(string part) =>
        (part.StartsWith("GFP_", StringComparison.Ordinal) || part.StartsWith("__GFP_", StringComparison.Ordinal))
        && part[^1] != '_'
        && part.All(c => c is '_' or (>= 'A' and <= 'Z') or (>= '0' and <= '9'));
}
