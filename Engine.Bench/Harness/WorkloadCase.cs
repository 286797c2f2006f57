namespace Engine.Bench.Harness;

/// <summary>One line of the table: a workload and what it was run on.</summary>
/// <param name="Workload">The workload's name, as scripts know it.</param>
/// <param name="OrderOrSize">The order, object size or footprint that varies within the workload; empty where nothing does.</param>
/// <param name="Memory">Simulated memory, such as <c>8G</c>; empty where it does not matter.</param>
/// <param name="Threads">How many threads run it at once.</param>
/// <param name="Create">Builds the state; called once, before the first round, on the harness's thread.</param>
public sealed record WorkloadCase(string Workload, string OrderOrSize, string Memory, int Threads, Func<IWorkload> Create)
{
    /// <summary>
    /// Whether thread t stays on the t-th CPU. Only a workload that starts threads of its own says no:
    /// they would inherit the CPU and share it.
    /// </summary>
    public bool IsPinned { get; init; } = true;
}
