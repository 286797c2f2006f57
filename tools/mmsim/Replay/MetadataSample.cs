using Engine.Arm64;

namespace Mmsim.Replay;

/// <summary>What the kernel's bookkeeping took at one moment of a replay.</summary>
/// <param name="Records">Records replayed by then.</param>
/// <param name="Summary">The bytes.</param>
internal sealed record MetadataSample(long Records, MetadataSummary Summary);
