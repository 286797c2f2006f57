// LLFree (Wrenger et al., USENIX ATC 2023) is the fastest published allocator of page frames. Its sources do not come with the
// bench: who wants its rows names a checkout of https://github.com/luhsra/llfree-c with --llfree DIR (or LLFREE_DIR). The bench
// compiles them together with frames_llfree.c, which runs the suite's workloads on them, and calls that in the same threads and
// rounds as the engine's side.

using System.Runtime.InteropServices;
using Engine.Bench.Harness;

namespace Engine.Bench.Frames;

/// <summary>LLFree and the workloads on it, compiled and loaded.</summary>
internal sealed unsafe class LlfreeLibrary
{
    private readonly delegate* unmanaged<ulong, int, int, int, int, int, long, nint> create;
    private readonly delegate* unmanaged<nint, int, void> prepare;
    private readonly delegate* unmanaged<nint, int, int, long> run;
    private readonly delegate* unmanaged<nint, int, long> counted;
    private readonly delegate* unmanaged<nint, void> destroy;

    private LlfreeLibrary(string path)
    {
        nint library = NativeLibrary.Load(path);
        create = (delegate* unmanaged<ulong, int, int, int, int, int, long, nint>)NativeLibrary.GetExport(library, "frames_create");
        prepare = (delegate* unmanaged<nint, int, void>)NativeLibrary.GetExport(library, "frames_prepare");
        run = (delegate* unmanaged<nint, int, int, long>)NativeLibrary.GetExport(library, "frames_run");
        counted = (delegate* unmanaged<nint, int, long>)NativeLibrary.GetExport(library, "frames_counted");
        destroy = (delegate* unmanaged<nint, void>)NativeLibrary.GetExport(library, "frames_destroy");
    }

    /// <summary>Compiles and loads LLFree, optimized for this host.</summary>
    /// <param name="folder">A checkout of llfree-c, or null.</param>
    /// <param name="reason">Why there is none.</param>
    public static LlfreeLibrary? TryBuild(string? folder, out string? reason)
    {
        if (folder is null)
        {
            reason = "--llfree DIR names a checkout of llfree-c";
            return null;
        }

        string sources = Path.Combine(folder, "src");
        if (!Directory.Exists(sources) || !Directory.Exists(Path.Combine(folder, "include")))
        {
            reason = $"{folder} is no checkout of llfree-c (src and include are not there)";
            return null;
        }

        string? path = CProgram.TryBuild(
            "Frames/peers/frames_llfree.c",
            [
                "-std=gnu11", "-O3", "-march=native", "-flto", "-fPIC", "-shared", "-fvisibility=hidden", "-pthread", "-DNDEBUG", "-DSTD",
                "-I", sources, "-I", Path.Combine(folder, "include"), "-I", Path.Combine(folder, "std"),
                .. Directory.GetFiles(sources, "*.c").Order(StringComparer.Ordinal),
            ],
            out reason);
        return path is null ? null : new LlfreeLibrary(path);
    }

    /// <summary>A workload on memory of its own.</summary>
    /// <param name="job">Which.</param>
    /// <param name="memoryBytes">Managed memory.</param>
    /// <param name="order">The blocks' order.</param>
    /// <param name="threads">How many threads run it, each as a core of its own.</param>
    /// <param name="percent">How much of the memory is live; of <see cref="LlfreeJob.Replace"/>.</param>
    /// <param name="window">Blocks put and got at a time; of <see cref="LlfreeJob.Replace"/>.</param>
    /// <param name="operations">Pairs of a round.</param>
    /// <exception cref="InvalidOperationException">LLFree refuses such a memory.</exception>
    public IWorkload Create(LlfreeJob job, ulong memoryBytes, int order, int threads, int percent, int window, long operations)
    {
        nint bench = create(memoryBytes >> Core.Units.Pfn.PageShift, order, threads, (int)job, percent, window, operations);
        if (bench == 0)
        {
            throw new InvalidOperationException("LLFree cannot manage such a memory");
        }

        // SAFETY: the library owns what the handle stands for; the harness calls nothing after Dispose.
        return new DelegateWorkload(
            thread => run(bench, thread, RoundClock.IsCpuTime ? 1 : 0),
            thread => prepare(bench, thread),
            () => destroy(bench),
            thread => counted(bench, thread) is var part and >= 0 ? part : null);
    }
}
