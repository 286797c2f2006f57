using Engine.Arm64.Units;

namespace Engine.Arm64.Kernel;

/// <summary>Where an area may lie.</summary>
/// <param name="Start">First address.</param>
/// <param name="End">First address behind it.</param>
public readonly record struct VmallocRange(VirtAddr Start, VirtAddr End);
