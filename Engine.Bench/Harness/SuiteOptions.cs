namespace Engine.Bench.Harness;

/// <summary>What the command line says to a suite.</summary>
/// <param name="IsQuick">Short rounds and few of them: shows that it works, not how fast it is.</param>
/// <param name="Threads">How many threads the multi-threaded cases use; 0 leaves it to the suite.</param>
/// <param name="CsvPath">Where the measurements go as CSV, or null.</param>
/// <param name="Input">What the suite works on (a trace, …), or null for what it carries.</param>
/// <param name="IsCpuTime">Time rounds by the CPU time of the measuring threads: steadier on a busy host, wrong where other threads do the work.</param>
/// <param name="LlfreePath">Where the sources of LLFree lie, or null: the peer of the suite <c>frames</c>.</param>
/// <param name="Only">What the names of the workloads that are measured begin with; empty for all.</param>
public sealed record SuiteOptions(bool IsQuick, int Threads, string? CsvPath, string? Input, bool IsCpuTime, string? LlfreePath, IReadOnlyList<string> Only);
