using System.Text;
using Engine.Core.Buddy;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Diagnostics.Procfs;

/// <summary>
/// <c>/proc/pagetypeinfo</c>: free blocks by order and migrate type, and pageblocks by type (mm/vmstat.c,
/// <c>pagetypeinfo_show</c>). The report is repeated for each node that has memory.
/// </summary>
internal static class PageTypeInfoText
{
    // Linux stops counting a list here, because it holds the zone's lock meanwhile.
    private const long CountMax = 100000;

    /// <summary>The whole file.</summary>
    public static string Write(PageAllocator allocator)
    {
        StringBuilder text = new();
        foreach (IGrouping<int, Zone> node in allocator.Zones.Where(zone => zone.PresentPages > 0).GroupBy(zone => zone.Node))
        {
            text.Append("Page block order: ").AppendNumber(Order.PageBlockValue).Append('\n');
            text.Append("Pages per block:  ").AppendNumber(1 << Order.PageBlockValue).Append("\n\n");
            AppendHeader(text);
            foreach (Zone zone in node)
            {
                AppendFree(text, zone);
            }

            text.Append('\n').AppendPadded("Number of blocks type ", -23);
            for (int type = 0; type < MigrateTypes.Count; type++)
            {
                text.AppendPadded(MigrateTypes.GetName((MigrateType)type), 12).Append(' ');
            }

            text.Append('\n');
            foreach (Zone zone in node)
            {
                AppendPageBlocks(text, zone);
            }
        }

        return text.ToString();
    }

    /// <summary>The line above the free counts.</summary>
    public static void AppendHeader(StringBuilder text)
    {
        text.AppendPadded("Free pages count per migrate type at order", -43).Append(' ');
        for (int order = 0; order < Order.Count; order++)
        {
            text.AppendNumber((ulong)order, 6).Append(' ');
        }

        text.Append('\n');
    }

    /// <summary>One line of free counts.</summary>
    public static void AppendFreeRow(StringBuilder text, int node, string zone, string type, ReadOnlySpan<long> blocks)
    {
        text.Append("Node ").AppendNumber((ulong)node, 4).Append(", zone ").AppendPadded(zone, 8)
            .Append(", type ").AppendPadded(type, 12).Append(' ');
        foreach (long count in blocks)
        {
            text.Append(count >= CountMax ? ">" : "").AppendNumber((ulong)Math.Min(count, CountMax), 6).Append(' ');
        }

        text.Append('\n');
    }

    /// <summary>One line of pageblock counts.</summary>
    public static void AppendPageBlockRow(StringBuilder text, int node, string zone, ReadOnlySpan<long> pageBlocks)
    {
        text.Append("Node ").AppendNumber(node).Append(", zone ").AppendPadded(zone, 8).Append(' ');
        foreach (long count in pageBlocks)
        {
            text.AppendNumber((ulong)count, 12).Append(' ');
        }

        text.Append('\n');
    }

    private static void AppendFree(StringBuilder text, Zone zone)
    {
        Span<long> blocks = stackalloc long[MigrateTypes.Count * Order.Count];
        PageAllocator.CountFreeBlocks(zone, blocks);
        for (int type = 0; type < MigrateTypes.Count; type++)
        {
            string name = MigrateTypes.GetName((MigrateType)type);
            AppendFreeRow(text, zone.Node, ZoneTypes.GetName(zone.Type), name, blocks.Slice(type * Order.Count, Order.Count));
        }
    }

    private static void AppendPageBlocks(StringBuilder text, Zone zone)
    {
        Span<long> pageBlocks = stackalloc long[MigrateTypes.Count];
        PageAllocator.CountPageBlocks(zone, pageBlocks);
        AppendPageBlockRow(text, zone.Node, ZoneTypes.GetName(zone.Type), pageBlocks);
    }
}
