// MADV_PAGEOUT (madvise_cold_or_pageout_pte_range and reclaim_pages): a page table at a time, the pages that only this entry maps
// are gathered, and then reclaimed in the order of their addresses whatever their use. Large folios that the range covers in part
// have been split where they can be.

using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <summary>Reclaims a range of a process.</summary>
internal static class PageOut
{
    private const int PagesPerTable = 512;
    private const ulong TableSpanBytes = PagesPerTable * (ulong)Pfn.PageSizeBytes;

    /// <summary>Reclaims what it can of a range of one VMA.</summary>
    public static void Run(Process process, CpuId cpu, VirtAddr start, VirtAddr end)
    {
        Pfn[] found = new Pfn[PagesPerTable];
        for (VirtAddr at = start; at < end;)
        {
            VirtAddr next = new(Math.Min((at.Value & ~(TableSpanBytes - 1)) + TableSpanBytes, end.Value));
            Gather gather = new(process.Tables, process.Machine.UserFrames, found, start, end);
            process.Tables.Visit(at, next - at, ref gather);
            for (int i = 0; i < gather.Count; i++)
            {
                _ = process.Machine.Reclaimer.Reclaim(cpu, found[i], ignoresReferences: true);
            }

            at = next;
        }
    }

    private struct Gather(PageTable tables, UserFrames frames, Pfn[] found, VirtAddr start, VirtAddr end) : ILeafVisitor
    {
        public int Count { get; private set; }

        public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
        {
            // Of a folio that the range covers the first page's entry stands for all.
            if (descriptor.IsPresent && !FolioAdvice.PassesOver(tables, frames, address, descriptor, start, end)
                && frames.TryPreparePageOut(descriptor) && Count < found.Length)
            {
                found[Count++] = descriptor.Pfn;
            }

            return true;
        }
    }
}
