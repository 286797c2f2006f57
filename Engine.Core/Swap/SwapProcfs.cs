using System.Globalization;
using System.Text;
using Engine.Core.Diagnostics.Procfs;
using Engine.Core.Units;

namespace Engine.Core.Swap;

/// <summary>What <c>/proc</c> shows of swap space: the file <c>swaps</c>, and the counters of <c>meminfo</c> and <c>vmstat</c>.</summary>
public static class SwapProcfs
{
    private const int NameColumns = 40;
    private const ulong ShortSizeMax = 10_000_000;
    private const int PageToKilobytesShift = Pfn.PageShift - 10;

    /// <summary>Registers file and counters.</summary>
    /// <param name="procfs">The machine's <c>/proc</c>.</param>
    /// <param name="swap">Its swap space.</param>
    public static void Register(MachineProcfs procfs, SwapSpace swap)
    {
        procfs.Register("swaps", () => WriteSwaps(swap));
        procfs.Counters.Register("SwapTotal", () => swap.TotalPages << PageToKilobytesShift);
        procfs.Counters.Register("SwapFree", () => swap.FreePages << PageToKilobytesShift);
        procfs.Counters.Register("nr_swapcached", () => swap.CachedPages);
        procfs.Counters.Register("pswpin", () => swap.ReadCount);
        procfs.Counters.Register("pswpout", () => swap.WrittenCount);
    }

    /// <summary><c>/proc/swaps</c> (<c>swap_show</c>, mm/swapfile.c).</summary>
    public static string WriteSwaps(SwapSpace swap)
    {
        StringBuilder text = new("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
        foreach (SwapArea area in swap.Areas)
        {
            ulong size = area.PageCount << PageToKilobytesShift;
            ulong used = area.UsedPages << PageToKilobytesShift;
            text.Append(area.Name).Append(' ', Math.Max(1, NameColumns - area.Name.Length));
            text.Append(CultureInfo.InvariantCulture, $"partition\t{size}\t{(size < ShortSizeMax ? "\t" : "")}{used}\t{(used < ShortSizeMax ? "\t" : "")}{area.Priority}\n");
        }

        return text.ToString();
    }
}
