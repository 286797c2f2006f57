using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Translation;

/// <summary>One descriptor as a scan of a whole tree meets it.</summary>
/// <param name="Address">The first input address that it translates.</param>
/// <param name="Level">Its level, -1..3.</param>
/// <param name="Kind">Invalid, table or leaf.</param>
/// <param name="Descriptor">The 64 bits.</param>
/// <param name="Output">The output address of a leaf, or the address of a table.</param>
/// <param name="EntryShift">log2 of what the entry translates, in bytes.</param>
/// <param name="RunShift">log2 of the contiguous run in bytes; <see cref="EntryShift"/> where there is none.</param>
/// <param name="Permissions">What a leaf allows, under the tables above it.</param>
/// <param name="Shareability">A leaf's SH, from the descriptor or from TCR.</param>
/// <param name="Hierarchical">The restrictions of the tables above it, at their places in a table descriptor.</param>
public readonly record struct ScannedDescriptor(
    VirtAddr Address, int Level, DescriptorKind Kind, Descriptor Descriptor, PhysAddr Output, int EntryShift, int RunShift,
    AccessPermissions Permissions, int Shareability, ulong Hierarchical);
