// The fault path and the memory system calls, each beside the kernel of this machine, which does the same in a program of its own in
// the same rounds. An operation is a page (faults, copies, fork) or a pair of calls (mmap and munmap; mprotect that splits and merges).

using Engine.Bench.Harness;

namespace Engine.Bench.Faults;

/// <summary>The suite <c>faults</c>.</summary>
internal sealed class FaultSuite : ISuite
{
    private static readonly (string Name, double TimesFaster)[] Workloads =
        [("anon-write", 7), ("zero-read", 10), ("cow", 5), ("mmap-munmap", 10), ("mprotect", 10), ("fork", 5)];

    /// <inheritdoc/>
    public string Name => "faults";

    /// <inheritdoc/>
    public string Description => "Page faults and memory system calls, beside the kernel of this machine.";

    /// <inheritdoc/>
    public void Run(SuiteContext context)
    {
        int pages = context.Options.IsQuick ? 1 << 13 : 1 << 14;
        string? program = KernelPeer.TryBuild(out string? reason);
        if (program is null)
        {
            SuiteContext.Note($"kernel: not measured, {reason}");
        }

        foreach ((string name, double timesFaster) in Workloads)
        {
            FaultWorkload? own = null;
            List<WorkloadCase> cases = [new(name, "", "", 1, () => own = new FaultWorkload(name, pages, 1)), new(name, "", "", 2, () => new FaultWorkload(name, pages, 2))];
            if (program is not null)
            {
                cases.Add(new WorkloadCase("kernel-" + name, "", "", 1, () => new KernelPeer(program, name, pages, context.Options.IsCpuTime)) { IsPinned = false });
            }

            IReadOnlyList<Measurement> found = context.Measure(cases);
            if (found.Count == cases.Count && own is not null)
            {
                string ratio = program is null ? "" : $"{found[^1].NsMedian / found[0].NsMedian:0.0} times as fast as the kernel (asked: {timesFaster}), ";
                SuiteContext.Note($"{name}: {ratio}{found[1].MillionsPerSecond / found[0].MillionsPerSecond:0.00} times with two threads, {(double)own.AllocatedBytes / pages:0.000} managed bytes an operation");
            }
        }
    }
}
