using System.Runtime.CompilerServices;

namespace Engine.Arm64.Process;

/// <summary>One column of a <see cref="VmAreaNode"/>.</summary>
[InlineArray(VmAreaNode.SlotCount)]
internal struct VmAreaNodeSlots
{
    private ulong first;
}
