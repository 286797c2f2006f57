using BenchmarkDotNet.Running;
using Engine.Bench.Faults;
using Engine.Bench.Frames;
using Engine.Bench.Harness;
using Engine.Bench.Objects;
using Engine.Bench.Tlb;
using Engine.Bench.Trace;
using Engine.Bench.UserAccess;

namespace Engine.Bench;

/// <summary>Runs the throughput suites and, as <c>bdn …</c>, the BenchmarkDotNet benchmarks.</summary>
public static class Program
{
    // A suite is registered by its line here.
    private static readonly ISuite[] Suites =
    [
        new FaultSuite(),
        new FramesSuite(),
        new ObjectsSuite(),
        new TlbSuite(),
        new TraceSuite(),
        new TraceStageSuite(),
        new UserAccessSuite(),
    ];

    /// <summary>Runs one suite.</summary>
    /// <returns>0 when it ran, 1 on wrong usage.</returns>
    public static int Main(string[] args)
    {
        // BenchmarkDotNet has a command line of its own.
        if (args is ["bdn", .. string[] rest])
        {
            _ = BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(rest);
            return 0;
        }

        return BenchCommandLine.Create(Suites).Parse(args).Invoke();
    }
}
