using Engine.Arm64.Units;

namespace Mmsim.Replay;

/// <summary>Neighbouring pages of one kind that existed before the trace's first record.</summary>
/// <param name="Start">First address.</param>
/// <param name="PageCount">Pages of 4 KiB.</param>
/// <param name="Kind">What they are taken for.</param>
internal readonly record struct InitialRange(VirtAddr Start, ulong PageCount, InitialKind Kind);
