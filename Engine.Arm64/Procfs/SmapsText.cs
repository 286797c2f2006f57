using System.Text;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Diagnostics.Procfs;
using Engine.Core.Units;

namespace Engine.Arm64.Procfs;

/// <summary><c>/proc/PID/smaps</c> and <c>smaps_rollup</c> (<c>show_smap</c>, <c>show_smaps_rollup</c>, fs/proc/task_mmu.c).</summary>
internal static class SmapsText
{
    private const int PageToKiBShift = Pfn.PageShift - 10;
    private const int ScaledToKiBShift = VmAreaUsage.ProportionShift + 10;
    private const ulong PageKiB = Pfn.PageSizeBytes >> 10;

    /// <summary>The whole of <c>smaps</c>: per VMA its line of <c>maps</c>, what it holds, and its flags.</summary>
    public static string Format(Process process)
    {
        StringBuilder text = new();
        foreach (VmAreaRef area in ProcessAreas.Of(process))
        {
            VmArea content = process.Memory.Areas[area];
            MapsText.AppendLine(text, process, in content);
            AppendKiB(text, "Size:           ", content.LengthBytes >> 10);
            AppendKiB(text, "KernelPageSize: ", PageKiB);
            AppendKiB(text, "MMUPageSize:    ", PageKiB);
            AppendUsage(text, process.MeasureUsage(area), isRollup: false);
            OpenFile? file = content.IsAnonymous ? null : process.Machine.Files.TryGet(content.File);
            bool isEligible = process.Machine.HugePages.IsEligible(in content, process.Memory.State.IsThpDisabled != 0, file?.Mapping);
            text.Append("THPeligible:    ").AppendNumber(isEligible ? 1UL : 0, 8).Append('\n');
            VmFlagNames.AppendLine(text, content.Flags);
        }

        return text.ToString();
    }

    /// <summary>The whole of <c>smaps_rollup</c>: the sums over all VMAs.</summary>
    public static string FormatRollup(Process process)
    {
        VmAreaUsage sum = default;
        VirtAddr? start = null;
        VirtAddr end = default;
        foreach (VmAreaRef area in ProcessAreas.Of(process))
        {
            start ??= process.Memory.Areas[area].Start;
            end = process.Memory.Areas[area].End;
            sum += process.MeasureUsage(area);
        }

        StringBuilder text = new();
        MapsText.AppendRollupLine(text, start ?? default, end);
        AppendUsage(text, sum, isRollup: true);
        return text.ToString();
    }

    // __show_smap
    private static void AppendUsage(StringBuilder text, in VmAreaUsage usage, bool isRollup)
    {
        AppendPages(text, "Rss:            ", usage.ResidentPages);
        AppendScaled(text, "Pss:            ", usage.ScaledProportional);
        AppendScaled(text, "Pss_Dirty:      ", usage.ScaledProportionalDirty);
        if (isRollup)
        {
            AppendScaled(text, "Pss_Anon:       ", usage.ScaledProportionalAnonymous);
            AppendScaled(text, "Pss_File:       ", usage.ScaledProportionalFile);
            AppendScaled(text, "Pss_Shmem:      ", usage.ScaledProportionalShmem);
        }

        AppendPages(text, "Shared_Clean:   ", usage.SharedCleanPages);
        AppendPages(text, "Shared_Dirty:   ", usage.SharedDirtyPages);
        AppendPages(text, "Private_Clean:  ", usage.PrivateCleanPages);
        AppendPages(text, "Private_Dirty:  ", usage.PrivateDirtyPages);
        AppendPages(text, "Referenced:     ", usage.ReferencedPages);
        AppendPages(text, "Anonymous:      ", usage.AnonymousPages);
        AppendPages(text, "KSM:            ", 0);
        AppendPages(text, "LazyFree:       ", usage.LazyFreePages);
        AppendPages(text, "AnonHugePages:  ", usage.AnonymousHugePages);
        AppendPages(text, "ShmemPmdMapped: ", usage.ShmemHugePages);
        AppendPages(text, "FilePmdMapped:  ", usage.FileHugePages);
        AppendPages(text, "Shared_Hugetlb: ", 0);
        AppendKiB(text, "Private_Hugetlb: ", 0, width: 7);
        AppendPages(text, "Swap:           ", usage.SwapPages);
        AppendScaled(text, "SwapPss:        ", usage.ScaledSwapProportional);
        AppendScaled(text, "Locked:         ", usage.ScaledLocked);
    }

    private static void AppendPages(StringBuilder text, string label, ulong pages) => AppendKiB(text, label, pages << PageToKiBShift);

    private static void AppendScaled(StringBuilder text, string label, ulong scaled) => AppendKiB(text, label, scaled >> ScaledToKiBShift);

    private static void AppendKiB(StringBuilder text, string label, ulong value, int width = 8) =>
        text.Append(label).AppendNumber(value, width).Append(" kB\n");
}
