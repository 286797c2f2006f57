namespace Engine.Bench;

/// <summary>Runs the throughput suites and the BenchmarkDotNet benchmarks.</summary>
public static class Program
{
    /// <summary>Runs one suite.</summary>
    public static int Main(string[] args) => args.Length == 0 ? 2 : 0;
}
