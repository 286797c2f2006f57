using System.Text;
using Engine.Core.Buddy;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Diagnostics.Procfs;

/// <summary><c>/proc/buddyinfo</c>: free blocks of each populated zone by order (mm/vmstat.c, <c>frag_show_print</c>).</summary>
internal static class BuddyInfoText
{
    /// <summary>The whole file.</summary>
    public static string Write(PageAllocator allocator)
    {
        StringBuilder text = new();
        Span<long> byType = stackalloc long[MigrateTypes.Count * Order.Count];
        Span<long> blocks = stackalloc long[Order.Count];
        foreach (Zone zone in allocator.Zones)
        {
            if (zone.PresentPages == 0)
            {
                continue;
            }

            PageAllocator.CountFreeBlocks(zone, byType);
            blocks.Clear();
            for (int i = 0; i < byType.Length; i++)
            {
                blocks[i % Order.Count] += byType[i];
            }

            AppendZone(text, zone.Node, ZoneTypes.GetName(zone.Type), blocks);
        }

        return text.ToString();
    }

    /// <summary>One line.</summary>
    /// <param name="text">Gets the line.</param>
    /// <param name="node">The zone's node.</param>
    /// <param name="zone">The zone's name.</param>
    /// <param name="blocks">Free blocks by order.</param>
    public static void AppendZone(StringBuilder text, int node, string zone, ReadOnlySpan<long> blocks)
    {
        text.Append("Node ").AppendNumber(node).Append(", zone ").AppendPadded(zone, 8).Append(' ');
        foreach (long count in blocks)
        {
            text.AppendNumber((ulong)count, 6).Append(' ');
        }

        text.Append('\n');
    }
}
