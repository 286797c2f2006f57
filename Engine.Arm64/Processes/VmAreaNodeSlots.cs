using System.Runtime.CompilerServices;

namespace Engine.Arm64.Processes;

/// <summary>One column of a <see cref="VmAreaNode"/>.</summary>
[InlineArray(VmAreaNode.SlotCount)]
internal struct VmAreaNodeSlots
{
    private ulong first;
}
