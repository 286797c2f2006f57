using System.Text;
using Engine.Core.Buddy;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Diagnostics.Procfs;

/// <summary><c>/proc/meminfo</c> (fs/proc/meminfo.c, <c>meminfo_proc_show</c>): a label in 16 columns and kilobytes in 8.</summary>
internal static class MemInfoText
{
    private const int LabelColumns = 16;
    private const int PageToKilobytesShift = Pfn.PageShift - 10;

    // Of all RAM that is not in hugetlb, how much may be committed without overcommit (vm.overcommit_ratio).
    private const ulong OvercommitPercent = 50;

    /// <summary>The whole file.</summary>
    public static string Write(PageAllocator allocator, ProcCounters counters)
    {
        StringBuilder text = new();
        AppendMemory(text, allocator, counters);
        AppendLists(text, counters);
        AppendSwap(text, counters);
        AppendUse(text, allocator, counters);
        AppendHuge(text, allocator, counters);
        return text.ToString();
    }

    /// <summary>One line: the label with its colon in 16 columns, the value in 8, <c> kB</c>.</summary>
    public static void AppendKilobytes(StringBuilder text, string label, ulong kilobytes) =>
        text.AppendPadded(label + ":", -LabelColumns).AppendNumber(kilobytes, 8).Append(" kB\n");

    private static void AppendPages(StringBuilder text, string label, ulong pages) =>
        AppendKilobytes(text, label, pages << PageToKilobytesShift);

    private static ulong SubtractDownToZero(ulong from, ulong what) => from > what ? from - what : 0;

    private static void AppendMemory(StringBuilder text, PageAllocator allocator, ProcCounters counters)
    {
        ulong buffers = counters.Read("Buffers");
        ulong swapCached = counters.Read("nr_swapcached");
        ulong cached = SubtractDownToZero(counters.Read("nr_file_pages"), swapCached + (buffers >> PageToKilobytesShift));
        AppendPages(text, "MemTotal", allocator.ManagedPages);
        AppendPages(text, "MemFree", counters.Read("nr_free_pages"));
        AppendPages(text, "MemAvailable", GetAvailablePages(allocator, counters));
        AppendKilobytes(text, "Buffers", buffers);
        AppendPages(text, "Cached", cached);
        AppendPages(text, "SwapCached", swapCached);
    }

    // si_mem_available(): what can be had without swapping; half of the page cache and of the slab is left to whom it serves,
    // or the low watermark where that is less.
    private static ulong GetAvailablePages(PageAllocator allocator, ProcCounters counters)
    {
        // Counters come from the arena: damaged ones wrap.
        unchecked
        {
            long low = (long)allocator.Zones.Aggregate(0UL, (sum, zone) => sum + zone.GetWatermark(Watermark.Low));
            long available = (long)counters.Read("nr_free_pages") - (long)allocator.TotalReservePages;
            long file = (long)(counters.Read("nr_active_file") + counters.Read("nr_inactive_file"));
            available += file - Math.Min(file / 2, low);
            long reclaimable = (long)(counters.Read("nr_slab_reclaimable") + counters.Read("nr_kernel_misc_reclaimable"));
            available += reclaimable - Math.Min(reclaimable / 2, low);
            return (ulong)Math.Max(available, 0);
        }
    }

    private static void AppendLists(StringBuilder text, ProcCounters counters)
    {
        ulong activeAnon = counters.Read("nr_active_anon");
        ulong inactiveAnon = counters.Read("nr_inactive_anon");
        ulong activeFile = counters.Read("nr_active_file");
        ulong inactiveFile = counters.Read("nr_inactive_file");
        AppendPages(text, "Active", activeAnon + activeFile);
        AppendPages(text, "Inactive", inactiveAnon + inactiveFile);
        AppendPages(text, "Active(anon)", activeAnon);
        AppendPages(text, "Inactive(anon)", inactiveAnon);
        AppendPages(text, "Active(file)", activeFile);
        AppendPages(text, "Inactive(file)", inactiveFile);
        AppendPages(text, "Unevictable", counters.Read("nr_unevictable"));
        AppendPages(text, "Mlocked", counters.Read("nr_mlock"));
    }

    private static void AppendSwap(StringBuilder text, ProcCounters counters)
    {
        AppendKilobytes(text, "SwapTotal", counters.Read("SwapTotal"));
        AppendKilobytes(text, "SwapFree", counters.Read("SwapFree"));
        AppendPages(text, "Dirty", counters.Read("nr_dirty"));
        AppendPages(text, "Writeback", counters.Read("nr_writeback"));
    }

    private static void AppendUse(StringBuilder text, PageAllocator allocator, ProcCounters counters)
    {
        ulong reclaimable = counters.Read("nr_slab_reclaimable");
        ulong unreclaimable = counters.Read("nr_slab_unreclaimable");
        AppendPages(text, "AnonPages", counters.Read("nr_anon_pages"));
        AppendPages(text, "Mapped", counters.Read("nr_mapped"));
        AppendPages(text, "Shmem", counters.Read("nr_shmem"));
        AppendPages(text, "KReclaimable", reclaimable + counters.Read("nr_kernel_misc_reclaimable"));
        AppendPages(text, "Slab", reclaimable + unreclaimable);
        AppendPages(text, "SReclaimable", reclaimable);
        AppendPages(text, "SUnreclaim", unreclaimable);
        AppendKilobytes(text, "KernelStack", counters.Read("nr_kernel_stack"));
        AppendPages(text, "PageTables", counters.Read("nr_page_table_pages"));
        AppendPages(text, "SecPageTables", counters.Read("nr_sec_page_table_pages"));
        AppendKilobytes(text, "NFS_Unstable", 0);
        AppendPages(text, "Bounce", counters.Read("nr_bounce"));
        AppendPages(text, "WritebackTmp", counters.Read("nr_writeback_temp"));
        ulong managed = allocator.ManagedPages - Math.Min(allocator.ManagedPages, counters.Read("Hugetlb") >> PageToKilobytesShift);
        AppendKilobytes(text, "CommitLimit", ((managed * OvercommitPercent / 100) << PageToKilobytesShift) + counters.Read("SwapTotal"));
        AppendKilobytes(text, "Committed_AS", counters.Read("Committed_AS"));
        AppendKilobytes(text, "VmallocTotal", counters.Read("VmallocTotal"));
        AppendKilobytes(text, "VmallocUsed", counters.Read("VmallocUsed"));
        AppendKilobytes(text, "VmallocChunk", 0);
        AppendKilobytes(text, "Percpu", counters.Read("Percpu"));
    }

    private static void AppendHuge(StringBuilder text, PageAllocator allocator, ProcCounters counters)
    {
        text.Append("HardwareCorrupted: ").AppendNumber(counters.Read("HardwareCorrupted"), 5).Append(" kB\n");
        AppendPages(text, "AnonHugePages", counters.Read("nr_anon_transparent_hugepages"));
        AppendPages(text, "ShmemHugePages", counters.Read("nr_shmem_hugepages"));
        AppendPages(text, "ShmemPmdMapped", counters.Read("nr_shmem_pmdmapped"));
        AppendPages(text, "FileHugePages", counters.Read("nr_file_hugepages"));
        AppendPages(text, "FilePmdMapped", counters.Read("nr_file_pmdmapped"));
        AppendPages(text, "CmaTotal", allocator.Zones.Aggregate(0UL, (sum, zone) => sum + zone.CmaPages));
        AppendPages(text, "CmaFree", counters.Read("nr_free_cma"));
        foreach (string item in (ReadOnlySpan<string>)["HugePages_Total", "HugePages_Free", "HugePages_Rsvd", "HugePages_Surp"])
        {
            AppendCount(text, item, counters.Read(item));
        }

        AppendKilobytes(text, "Hugepagesize", Order.PageBlock.LengthBytes >> 10);
        AppendKilobytes(text, "Hugetlb", counters.Read("Hugetlb"));
    }

    /// <summary>One line of a count of huge pages: no unit.</summary>
    public static void AppendCount(StringBuilder text, string label, ulong count) =>
        text.Append(label).Append(":   ").AppendNumber(count, 5).Append('\n');
}
