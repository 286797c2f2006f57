using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Engine.Bench.Harness;

/// <summary>What the harness times a round with.</summary>
internal static unsafe partial class RoundClock
{
    private const int ClockThreadCpuTime = 3;
    private const long NanosecondsPerSecond = 1_000_000_000;

    /// <summary>Whether rounds are timed by the CPU time of the measuring threads. Set once, before the first round.</summary>
    public static bool IsCpuTime { get; set; }

    /// <summary>Nanoseconds since some fixed point: of wall time, or of the calling thread's CPU time.</summary>
    public static long Now()
    {
        if (!IsCpuTime || !OperatingSystem.IsLinux())
        {
            return (long)(Stopwatch.GetTimestamp() * ((double)NanosecondsPerSecond / Stopwatch.Frequency));
        }

        long* time = stackalloc long[2];
        _ = ClockGetTime(ClockThreadCpuTime, time);
        return (time[0] * NanosecondsPerSecond) + time[1];
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, long* time);
}
