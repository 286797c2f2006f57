using System.Globalization;
using System.Text;
using Engine.Arm64.Processes;
using Engine.Core.Diagnostics.Procfs;
using Engine.Core.Units;

namespace Engine.Arm64.Procfs;

/// <summary>
/// <c>/proc/PID/status</c> (<c>proc_pid_status</c>, fs/proc/array.c) as far as memory goes, and <c>statm</c>: who the process is, the memory lines
/// (<c>task_mem</c>, fs/proc/task_mmu.c) and those after them up to the thread count. A process here is root's, single-threaded and in no namespace
/// of its own; signals, capabilities and CPU sets, which the machine has not, are left out.
/// </summary>
internal static class StatusText
{
    private const int PageToKiBShift = Pfn.PageShift - 10;

    /// <summary>The whole of <c>status</c>.</summary>
    public static string Format(Process process)
    {
        StringBuilder text = new();
        AppendTask(text, process);
        AppendMemory(text, process);
        text.Append("CoreDumping:\t0\n");
        text.Append(CultureInfo.InvariantCulture, $"THP_enabled:\t{(process.Memory.State.IsThpDisabled == 0 ? 1 : 0)}\n");
        text.Append("untag_mask:\t0xffffffffffffffff\n");
        text.Append("Threads:\t1\n");
        return text.ToString();
    }

    /// <summary>The whole of <c>statm</c>: pages of all VMAs, resident, of these shared; of text, 0, of data and stack, 0 (<c>proc_pid_statm</c>).</summary>
    public static string FormatStatm(Process process)
    {
        ref MmStruct mm = ref process.Memory.State;
        ulong shared = ToCount(mm.FilePages) + ToCount(mm.ShmemPages);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{mm.TotalPages} {shared + ToCount(mm.AnonPages)} {shared} {TextBytes(in mm) >> Pfn.PageShift} 0 {mm.DataPages + mm.StackPages} 0\n");
    }

    private static void AppendTask(StringBuilder text, Process process)
    {
        int pid = process.Pid;
        text.Append("Name:\t").Append(EscapeName(process.CommandName)).Append("\nUmask:\t0022\n");
        text.Append("State:\t").Append(process.IsRunning ? "R (running)\n" : "S (sleeping)\n");
        text.Append(CultureInfo.InvariantCulture, $"Tgid:\t{pid}\nNgid:\t0\nPid:\t{pid}\nPPid:\t{process.ParentPid}\nTracerPid:\t0\n");
        text.Append("Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nFDSize:\t64\nGroups:\t \n");
        text.Append(CultureInfo.InvariantCulture, $"NStgid:\t{pid}\nNSpid:\t{pid}\nNSpgid:\t{pid}\nNSsid:\t{pid}\nKthread:\t0\n");
    }

    // The name without what would break a line (proc_task_name with escapes).
    private static string EscapeName(string name) =>
        name.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    // task_mem
    private static void AppendMemory(StringBuilder text, Process process)
    {
        ref MmStruct mm = ref process.Memory.State;
        ulong resident = process.ResidentPages;
        ulong exec = mm.ExecPages << PageToKiBShift;
        ulong program = Math.Min(TextBytes(in mm) >> 10, exec);
        AppendPages(text, "VmPeak", Math.Max(mm.TotalPages, mm.TotalPagesPeak));
        AppendPages(text, "VmSize", mm.TotalPages);
        AppendPages(text, "VmLck", mm.LockedPages);
        AppendPages(text, "VmPin", 0);
        AppendPages(text, "VmHWM", Math.Max(resident, mm.ResidentPagesPeak));
        AppendPages(text, "VmRSS", resident);
        AppendPages(text, "RssAnon", ToCount(mm.AnonPages));
        AppendPages(text, "RssFile", ToCount(mm.FilePages));
        AppendPages(text, "RssShmem", ToCount(mm.ShmemPages));
        AppendPages(text, "VmData", mm.DataPages);
        AppendPages(text, "VmStk", mm.StackPages);
        AppendKiB(text, "VmExe", program);
        AppendKiB(text, "VmLib", exec - program);
        AppendPages(text, "VmPTE", (ulong)process.Tables.PageTablePages);
        AppendPages(text, "VmSwap", ToCount(mm.SwapEntries));
        AppendKiB(text, "HugetlbPages", 0);
    }

    // From the page that text begins in to the end of the one that it ends in. The bounds are the process's own and may say anything.
    private static ulong TextBytes(in MmStruct mm)
    {
        const ulong pageMask = Pfn.PageSizeBytes - 1;
        return unchecked(((mm.EndCode.Value + pageMask) & ~pageMask) - (mm.StartCode.Value & ~pageMask));
    }

    private static ulong ToCount(long counter) => (ulong)Math.Max(0, counter);

    private static void AppendPages(StringBuilder text, string label, ulong pages) => AppendKiB(text, label, pages << PageToKiBShift);

    private static void AppendKiB(StringBuilder text, string label, ulong value) =>
        text.Append(label).Append(":\t").AppendNumber(value, 8).Append(" kB\n");
}
