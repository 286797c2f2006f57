using System.Runtime.InteropServices;

namespace Engine.Bench.Harness;

/// <summary>Keeps a thread on one CPU of the host. On Linux; elsewhere it does nothing and says so.</summary>
public static unsafe partial class CpuPinning
{
    private const int MaskWords = 16;
    private static readonly int[] AllowedCpus = ReadAllowed();

    /// <summary>The CPUs that this process may use, lowest first.</summary>
    public static ReadOnlySpan<int> Allowed => AllowedCpus;

    /// <summary>Keeps the calling thread on the <paramref name="index"/>-th CPU that the process may use (modulo their number).</summary>
    /// <returns>False where the host cannot do it.</returns>
    public static bool Pin(int index)
    {
        int cpu = AllowedCpus[index % AllowedCpus.Length];
        return Set([cpu]);
    }

    /// <summary>Lets the calling thread use every CPU of the process again.</summary>
    public static bool Unpin() => Set(AllowedCpus);

    private static bool Set(ReadOnlySpan<int> cpus)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        Span<ulong> mask = stackalloc ulong[MaskWords];
        mask.Clear();
        foreach (int cpu in cpus)
        {
            mask[cpu / 64] |= 1UL << (cpu % 64);
        }

        fixed (ulong* words = mask)
        {
            return SchedSetAffinity(0, MaskWords * sizeof(ulong), words) == 0;
        }
    }

    private static int[] ReadAllowed()
    {
        if (!OperatingSystem.IsLinux())
        {
            return [.. Enumerable.Range(0, Environment.ProcessorCount)];
        }

        ulong* mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Clear();
        if (SchedGetAffinity(0, MaskWords * sizeof(ulong), mask) < 0)
        {
            return [.. Enumerable.Range(0, Environment.ProcessorCount)];
        }

        List<int> cpus = [];
        for (int cpu = 0; cpu < MaskWords * 64; cpu++)
        {
            if ((mask[cpu / 64] >> (cpu % 64) & 1) != 0)
            {
                cpus.Add(cpu);
            }
        }

        return [.. cpus];
    }

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static partial int SchedSetAffinity(int pid, nuint maskBytes, ulong* mask);

    [LibraryImport("libc", EntryPoint = "sched_getaffinity")]
    private static partial int SchedGetAffinity(int pid, nuint maskBytes, ulong* mask);
}
