using System.Globalization;
using System.Text;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Procfs;

/// <summary><c>/proc/PID/maps</c> (<c>show_map_vma</c>, fs/proc/task_mmu.c): one line a VMA.</summary>
internal static class MapsText
{
    // seq_setwidth(m, 25 + sizeof(void *) * 6 - 1): a name begins one blank after this column.
    private const int NameColumn = 25 + (8 * 6) - 1;

    /// <summary>The whole file.</summary>
    public static string Format(Process process)
    {
        StringBuilder text = new();
        foreach (VmAreaRef area in ProcessAreas.Of(process))
        {
            AppendLine(text, process, in process.Memory.Areas[area]);
        }

        return text.ToString();
    }

    /// <summary>Appends a VMA's line.</summary>
    public static void AppendLine(StringBuilder text, Process process, in VmArea area)
    {
        OpenFile? file = area.IsAnonymous ? null : process.Machine.Files.TryGet(area.File);
        bool hasInode = file is { IsSpecialMapping: false };
        int start = text.Length;
        AppendHeader(
            text,
            area.Start,
            area.End,
            area.Flags,
            hasInode ? area.PageOffset << Pfn.PageShift : 0,
            hasInode ? file! : null);
        if (NameOf(process, in area, file) is { } name)
        {
            AppendName(text, start, name);
        }

        text.Append('\n');
    }

    /// <summary>Appends the line above <c>smaps_rollup</c>: from the first VMA's start to the last one's end.</summary>
    public static void AppendRollupLine(StringBuilder text, VirtAddr start, VirtAddr end)
    {
        int first = text.Length;
        AppendHeader(text, start, end, VmFlags.None, 0, null);
        AppendName(text, first, "[rollup]");
        text.Append('\n');
    }

    // show_vma_header_prefix
    private static void AppendHeader(StringBuilder text, VirtAddr start, VirtAddr end, VmFlags flags, ulong offset, OpenFile? file)
    {
        text.Append(CultureInfo.InvariantCulture, $"{start.ToUInt64():x8}-{end.ToUInt64():x8} ");
        text.Append((flags & VmFlags.Read) != 0 ? 'r' : '-');
        text.Append((flags & VmFlags.Write) != 0 ? 'w' : '-');
        text.Append((flags & VmFlags.Exec) != 0 ? 'x' : '-');
        text.Append((flags & VmFlags.MayShare) != 0 ? 's' : 'p');
        text.Append(CultureInfo.InvariantCulture, $" {offset:x8} {file?.DeviceMajor ?? 0:x2}:{(file is null ? 0 : OpenFile.DeviceMinor):x2} {file?.Inode ?? 0} ");
    }

    // seq_pad
    private static void AppendName(StringBuilder text, int lineStart, string name) =>
        text.Append(' ', Math.Max(0, NameColumn - (text.Length - lineStart))).Append(' ').Append(name);

    private static string? NameOf(Process process, in VmArea area, OpenFile? file)
    {
        string? given = process.Machine.AreaNames.Find(area.NameId);
        if (file is not null)
        {
            return given is null ? Escape(file.Name) : $"[anon_shmem:{given}]";
        }

        ref MmStruct mm = ref process.Memory.State;
        if (area.Start < mm.Brk && area.End > mm.StartBrk)
        {
            return "[heap]";
        }

        if (area.Start <= mm.StartStack && area.End >= mm.StartStack)
        {
            return "[stack]";
        }

        return given is null ? null : $"[anon:{given}]";
    }

    // seq_path(m, path, "\n"): only a line feed would break the format.
    private static string Escape(string path) => path.Replace("\n", "\\012", StringComparison.Ordinal);
}
