// Objects of one size: the slab cache through its public face, beside the allocators that a C program can pick.
// An operation is one allocation and one free, with the object's first word written after the one and read
// before the other. The peers run in processes of their own, in the same rounds.

using Engine.Bench.Harness;

namespace Engine.Bench.Objects;

/// <summary>The suite <c>objects</c>.</summary>
internal sealed class ObjectsSuite : ISuite
{
    private const int Batch = 1024;

    private static readonly int[] SizesBytes = [64, 256, 1024];

    private static readonly (string Name, string Request, long Operations)[] Workloads =
    [
        ("pair", "pair", 4_000_000), ("batch-fifo", "fifo", 2_000 * Batch), ("batch-lifo", "lifo", 2_000 * Batch),
        ("random", "random", 1_000_000), ("handoff", "handoff", 2_000_000),
    ];

    private static readonly (string Name, string? File)[] Peers =
    [
        ("glibc", null), ("mimalloc", "libmimalloc.so.2"), ("jemalloc", "libjemalloc.so.2"), ("tcmalloc", "libtcmalloc_minimal.so.4"),
    ];

    /// <inheritdoc/>
    public string Name => "objects";

    /// <inheritdoc/>
    public string Description => "Slab objects of 64, 256 and 1,024 bytes, beside glibc, mimalloc, jemalloc and tcmalloc.";

    /// <inheritdoc/>
    public void Run(SuiteContext context)
    {
        List<(string Name, string? Library)> peers = FindPeers(out string? program);
        foreach ((string name, string request, long operations) in Workloads)
        {
            long count = context.Options.IsQuick ? operations / 8 / Batch * Batch : operations;
            foreach (int size in SizesBytes)
            {
                List<WorkloadCase> cases = [MakeSlabCase(name, request, size, count)];
                cases.AddRange(peers.Select(peer => MakePeerCase(peer.Name, name, request, size, count, program!, peer.Library)));
                _ = context.Measure(cases);
            }
        }
    }

    private static List<(string Name, string? Library)> FindPeers(out string? program)
    {
        List<(string Name, string? Library)> found = [];
        program = PeerProgram.TryBuild(out string? reason);
        foreach ((string name, string? file) in Peers)
        {
            string? library = file is null ? null : PeerProgram.FindLibrary(file);
            if (program is null || (file is not null && library is null))
            {
                SuiteContext.Note($"{name}: not measured, {reason ?? $"{file} is not installed"}");
                continue;
            }

            found.Add((name, library));
        }

        return found;
    }

    private static WorkloadCase MakeSlabCase(string name, string request, int size, long count) =>
        new($"slab-{name}", $"{size}", "", request == "handoff" ? 2 : 1, () => request == "handoff" ? new SlabHandoff(size, count) : new SlabWorkload(request, size, count));

    private static WorkloadCase MakePeerCase(string peer, string name, string request, int size, long count, string program, string? library) =>
        new($"{peer}-{name}", $"{size}", "", 1, () =>
        {
            PeerProgram child = PeerProgram.Start(program, library);
            return new DelegateWorkload(
                _ =>
                {
                    child.Run(request, size, count);
                    return count;
                },
                null,
                child.Dispose);
        })
        { IsPinned = false };
}
