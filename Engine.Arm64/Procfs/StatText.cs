using System.Globalization;
using Engine.Arm64.Processes;
using Engine.Core.Units;

namespace Engine.Arm64.Procfs;

/// <summary>
/// <c>/proc/PID/stat</c> (<c>do_task_stat</c>, fs/proc/array.c): 52 fields in one line. What the machine has not is 0, as for a process without a terminal.
/// The name stands there as it is, whatever it holds: it ends at the last closing bracket.
/// </summary>
internal static class StatText
{
    /// <summary>The whole file.</summary>
    public static string Format(Process process)
    {
        ref MmStruct mm = ref process.Memory.State;
        object[] fields =
        [
            process.Pid, $"({process.CommandName})", process.IsRunning ? 'R' : 'S', process.ParentPid, process.Pid, process.Pid,
            0, -1, 0, // tty_nr, tpgid, flags
            process.Faults.Minor, 0, process.Faults.Major, 0,
            0, 0, 0, 0, 20, 0, 1, 0, 0, // times, priority, nice, num_threads, itrealvalue, starttime
            mm.TotalPages << Pfn.PageShift, process.ResidentPages, ulong.MaxValue,
            mm.StartCode.Value, mm.EndCode.Value, mm.StartStack.Value, 0, 0, // and esp, eip
            0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, // signals, wchan, exit_signal (SIGCHLD), scheduling
            mm.StartData.Value, mm.EndData.Value, mm.StartBrk.Value, mm.ArgStart.Value, mm.ArgEnd.Value, mm.EnvStart.Value, mm.EnvEnd.Value,
            0, // exit_code
        ];
        return string.Join(' ', fields.Select(field => Convert.ToString(field, CultureInfo.InvariantCulture))) + "\n";
    }
}
