using System.Runtime.CompilerServices;

namespace Engine.Core.PageCache;

/// <summary>The 64 slots of a <see cref="RadixNode"/>.</summary>
[InlineArray(RadixNode.SlotCount)]
internal struct RadixSlots
{
    private ulong first;
}
