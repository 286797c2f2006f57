using System.Text;
using Engine.Core.Buddy;
using Engine.Core.PerCpu;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Diagnostics.Procfs;

/// <summary>
/// <c>/proc/zoneinfo</c> (mm/vmstat.c, <c>zoneinfo_show_print</c>). Every kind of zone is printed for every node; one without
/// memory ends after its protection.
/// </summary>
internal static class ZoneInfoText
{
    /// <summary>The whole file.</summary>
    public static string Write(PageAllocator allocator, ProcCounters counters)
    {
        StringBuilder text = new();
        for (int node = 0; node < allocator.NodeCount; node++)
        {
            if (!IsOnline(allocator, node))
            {
                continue;
            }

            bool isFirst = true;
            for (ZoneType type = 0; (int)type < ZoneTypes.Count; type++)
            {
                Zone? zone = allocator.Zones.FirstOrDefault(zone => zone.Node == node && zone.Type == type && zone.PresentPages > 0);
                AppendHead(text, counters, node, type, zone is not null && isFirst);
                isFirst &= zone is null;
                if (zone is null)
                {
                    AppendEmptyZone(text, type);
                }
                else
                {
                    AppendZone(text, allocator, counters, zone);
                }

                text.Append('\n');
            }
        }

        return text.ToString();
    }

    // Node numbers may have gaps.
    private static bool IsOnline(PageAllocator allocator, int node) => allocator.Zones.Any(zone => zone.Node == node)
        || Enumerable.Range(0, allocator.CpuCount).Any(cpu => allocator.GetNode(new CpuId(cpu)) == node);

    private static void AppendHead(StringBuilder text, ProcCounters counters, int node, ZoneType type, bool withNode)
    {
        text.Append("Node ").AppendNumber(node).Append(", zone ").AppendPadded(ZoneTypes.GetName(type), 8);
        if (!withNode)
        {
            return;
        }

        text.Append("\n  per-node stats");
        foreach (string item in ProcItems.Node)
        {
            AppendItem(text, item, ProcItems.ToPrinted(item, counters.Read(item, new ProcScope(node, null))));
        }
    }

    private static void AppendEmptyZone(StringBuilder text, ZoneType type)
    {
        AppendPages(text, 0, Watermarks.Compute(type, 0, 0, 0), 0, 0, 0, 0, 0);
        AppendProtection(text, _ => 0);
    }

    private static void AppendZone(StringBuilder text, PageAllocator allocator, ProcCounters counters, Zone zone)
    {
        Watermarks marks = new(
            Clamp(zone.GetWatermark(Watermark.Min)), Clamp(zone.GetWatermark(Watermark.Low)), Clamp(zone.GetWatermark(Watermark.High)), 0);
        AppendPages(text, zone.FreePages, marks, zone.WatermarkBoost, zone.Span.SpannedPages, zone.PresentPages, zone.ManagedPages, zone.CmaPages);
        AppendProtection(text, zone.GetLowmemReserve);
        ProcScope scope = new(zone.Node, zone.Type);
        foreach (string item in ProcItems.Zone)
        {
            AppendItem(text, item, counters.Read(item, scope));
        }

        foreach (string item in ProcItems.Numa)
        {
            AppendItem(text, item, counters.Read(item, scope));
        }

        text.Append("\n  pagesets");
        for (int cpu = 0; cpu < allocator.CpuCount; cpu++)
        {
            PerCpuReport lists = allocator.GetPerCpuReport(zone, new CpuId(cpu));
            text.Append("\n    cpu: ").AppendNumber(cpu);
            text.Append("\n              count: ").AppendNumber(lists.Count);
            text.Append("\n              high:  ").AppendNumber(lists.High);
            text.Append("\n              batch: ").AppendNumber(lists.Batch);
            text.Append("\n  vm stats threshold: ").AppendNumber(Watermarks.ComputeStatThreshold(allocator.CpuCount, zone.ManagedPages));
        }

        text.Append("\n  node_unreclaimable:  ").AppendNumber(counters.Read("node_unreclaimable", new ProcScope(zone.Node, null)));
        text.Append("\n  start_pfn:           ").AppendNumber((ulong)zone.Span.Start.ToUInt32());
    }

    private static uint Clamp(ulong pages) => (uint)Math.Min(pages, uint.MaxValue);

    private static void AppendPages(
        StringBuilder text, ulong free, in Watermarks marks, ulong boost, ulong spanned, ulong present, ulong managed, ulong cma)
    {
        text.Append("\n  pages free     ").AppendNumber(free);
        text.Append("\n        boost    ").AppendNumber(boost);
        text.Append("\n        min      ").AppendNumber((ulong)marks.Min);
        text.Append("\n        low      ").AppendNumber((ulong)marks.Low);
        text.Append("\n        high     ").AppendNumber((ulong)marks.High);
        text.Append("\n        spanned  ").AppendNumber(spanned);
        text.Append("\n        present  ").AppendNumber(present);
        text.Append("\n        managed  ").AppendNumber(managed);
        text.Append("\n        cma      ").AppendNumber(cma);
    }

    private static void AppendProtection(StringBuilder text, Func<ZoneType, ulong> reserve)
    {
        text.Append("\n        protection: (");
        for (ZoneType type = 0; (int)type < ZoneTypes.Count; type++)
        {
            text.Append(type == 0 ? "" : ", ").AppendNumber(reserve(type));
        }

        text.Append(')');
    }

    // "\n      %-12s %lu"
    private static void AppendItem(StringBuilder text, string item, ulong value) =>
        text.Append("\n      ").AppendPadded(item, -12).Append(' ').AppendNumber(value);
}
