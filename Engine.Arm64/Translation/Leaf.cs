using Engine.Core.Units;

namespace Engine.Arm64.Translation;

/// <summary>A leaf descriptor where a walk found it.</summary>
/// <param name="Address">The input address.</param>
/// <param name="Level">Its level.</param>
/// <param name="Shift">log2 of what it translates, in bytes.</param>
/// <param name="Descriptor">The descriptor.</param>
/// <param name="Slot">Where it lies in physical memory.</param>
/// <param name="Hierarchical">The restrictions of the tables above it.</param>
internal readonly record struct Leaf(ulong Address, int Level, int Shift, ulong Descriptor, PhysAddr Slot, ulong Hierarchical)
{
    /// <summary>Whether it came from a cache of translations, not from memory.</summary>
    public bool IsKnown { get; init; }
}
