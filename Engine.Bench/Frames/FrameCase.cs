using Engine.Bench.Harness;

namespace Engine.Bench.Frames;

/// <summary>A workload and the same one on LLFree.</summary>
/// <param name="Engine">The engine's side.</param>
/// <param name="CreatePeer">Builds the other side.</param>
internal sealed record FrameCase(WorkloadCase Engine, Func<LlfreeLibrary, IWorkload> CreatePeer)
{
    /// <summary>LLFree's side.</summary>
    public WorkloadCase WithLlfree(LlfreeLibrary llfree) => Engine with { Workload = $"llfree-{Engine.Workload}", Create = () => CreatePeer(llfree) };
}
