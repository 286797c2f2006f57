using System.Text;

namespace Engine.Core.Diagnostics.Procfs;

/// <summary><c>/proc/vmstat</c>: one counter a line (mm/vmstat.c, <c>vmstat_show</c>).</summary>
internal static class VmStatText
{
    /// <summary>The whole file.</summary>
    public static string Write(ProcCounters counters)
    {
        StringBuilder text = new();
        foreach (string item in ProcItems.Zone.Concat(ProcItems.Numa).Concat(ProcItems.Node).Concat(ProcItems.Events))
        {
            AppendItem(text, item, ProcItems.ToPrinted(item, counters.Read(item)));
        }

        // Kept by Linux for programs that look for it; it has no meaning any more.
        AppendItem(text, "nr_unstable", 0);
        return text.ToString();
    }

    /// <summary>One line.</summary>
    public static void AppendItem(StringBuilder text, string item, ulong value) =>
        text.Append(item).Append(' ').AppendNumber(value).Append('\n');
}
