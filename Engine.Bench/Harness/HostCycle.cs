// On a host that is shared, the clock rate that a thread gets changes from one second to the next, and nanoseconds of different
// runs cannot be compared. A chain of dependent multiplications takes three cycles each on every current x86-64 and ARM64 core
// and touches no memory; timed right before and after a round, it says how long a cycle was then.

using System.Runtime.CompilerServices;

namespace Engine.Bench.Harness;

/// <summary>How long a cycle of the calling thread's CPU takes at this moment.</summary>
internal static class HostCycle
{
    private const int Steps = 1 << 16;
    private const double CyclesPerStep = 3;

    private static ulong sink;

    /// <summary>Nanoseconds of one cycle.</summary>
    public static double Nanoseconds()
    {
        long start = RoundClock.Now();
        sink = Chain(sink | 1);
        return (RoundClock.Now() - start) / (Steps * CyclesPerStep);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static ulong Chain(ulong value)
    {
        for (int i = 0; i < Steps / 8; i++)
        {
            unchecked
            {
                value = value * value * value * value * value * value * value * value * value;
            }
        }

        return value;
    }
}
