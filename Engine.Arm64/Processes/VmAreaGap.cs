using Engine.Arm64.Units;

namespace Engine.Arm64.Processes;

/// <summary>A hole between VMAs, clipped to the limits it was looked for in.</summary>
/// <param name="Start">First free byte.</param>
/// <param name="End">First byte after the hole.</param>
/// <param name="Above">The VMA above the hole, which may be a stack with a guard gap; <see cref="VmAreaRef.None"/> above the last.</param>
public readonly record struct VmAreaGap(VirtAddr Start, VirtAddr End, VmAreaRef Above);
