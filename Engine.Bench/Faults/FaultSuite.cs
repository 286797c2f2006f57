// The fault path and the memory system calls, each beside the kernel of this machine, which does the same in a program of its own in
// the same rounds. Two threads run twice: on one machine, and on one each, which shows what the host allows.
// An operation is a page (faults, copies, fork) or a pair of calls (mmap and munmap; mprotect that splits and merges).

using Engine.Bench.Harness;

namespace Engine.Bench.Faults;

/// <summary>The suite <c>faults</c>.</summary>
internal sealed class FaultSuite : ISuite
{
    // The name for people and scripts, what both sides call the operation, and how many times as fast as the kernel it should be.
    private static readonly (string Name, string Operation, double TimesFaster)[] Workloads =
    [
        ("anon-write", "anon-write", 7), ("zero-read", "zero-read", 10), ("cow-break", "cow", 5), ("mmap-munmap", "mmap-munmap", 10),
        ("mprotect-split-merge", "mprotect", 10), ("fork-per-page", "fork", 5),
    ];

    /// <inheritdoc/>
    public string Name => "faults";

    /// <inheritdoc/>
    public string Description => "Page faults and memory system calls, beside the kernel of this machine.";

    /// <inheritdoc/>
    public bool IsTiered => true;

    /// <inheritdoc/>
    public void Run(SuiteContext context)
    {
        int pages = context.Options.IsQuick ? 1 << 13 : 1 << 14;
        string? program = CProgram.TryBuild("Faults/peers/fault_kernel.c", ["-O2"], out string? reason);
        if (program is null)
        {
            SuiteContext.Note($"kernel: not measured, {reason}");
        }

        foreach ((string name, string operation, double timesFaster) in Workloads)
        {
            FaultWorkload? own = null;
            List<WorkloadCase> cases =
            [
                new(name, "", "", 1, () => own = new FaultWorkload(operation, pages, 1)),
                new(name, "", "", 2, () => new FaultWorkload(operation, pages, 2)),
                new(name + "-apart", "", "", 2, () => new FaultWorkload(operation, pages, 2, isApart: true)),
            ];
            if (program is not null)
            {
                cases.Add(new WorkloadCase("kernel-" + name, "", "", 1, () => new PeerProcess(program, operation, pages)) { IsPinned = false });
            }

            IReadOnlyList<Measurement> found = context.Measure(cases);
            if (found.Count == cases.Count && own is not null)
            {
                string ratio = program is null ? "" : $"{found[^1].NsMedian / found[0].NsMedian:0.0} times as fast as the kernel (asked: {timesFaster}), ";
                SuiteContext.Note($"{name}: {ratio}{Scaling(found, 1):0.00} times with two threads ({Scaling(found, 2):0.00} on two machines), {(double)own.AllocatedBytes / own.Operations:0.000} managed bytes an operation");
            }
        }
    }

    private static double Scaling(IReadOnlyList<Measurement> found, int place) => found[place].MillionsPerSecond / found[0].MillionsPerSecond;
}
