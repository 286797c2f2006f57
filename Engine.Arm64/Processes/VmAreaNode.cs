using System.Runtime.InteropServices;

namespace Engine.Arm64.Processes;

/// <summary>
/// A node of a <see cref="VmAreaTree"/>: 256 bytes, as a maple tree's, ten slots of three words.
/// <code>
///   offset  0 : kind (0x5600 | level; a leaf is level 0), slots in use, floor
///          16 : leaf: first byte of each VMA          inner: first byte of each child's first VMA
///          96 : leaf: first byte after each VMA       inner: largest gap before a VMA of each child, in bytes
///         176 : leaf: physical address of each VMA    inner: physical address of each child
/// </code>
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
internal struct VmAreaNode
{
    /// <summary>Bytes in a node.</summary>
    public const int SizeBytes = 256;

    /// <summary>Slots in a node.</summary>
    public const int SlotCount = 10;

    /// <summary>The upper byte of every <see cref="Kind"/>.</summary>
    public const int KindMagic = 0x5600;

    /// <summary><see cref="KindMagic"/> with the height above the leaves.</summary>
    [FieldOffset(0)]
    public ushort Kind;

    /// <summary>Slots in use.</summary>
    [FieldOffset(2)]
    public ushort Count;

    /// <summary>In a leaf: the first byte after the last VMA of the leaf before, 0 in the first leaf; where the gap before slot 0 begins.</summary>
    [FieldOffset(8)]
    public ulong Floor;

    /// <summary>Where the ranges begin, ascending.</summary>
    [FieldOffset(16)]
    public VmAreaNodeSlots Starts;

    /// <summary>In a leaf where the ranges end, in an inner node the children's largest gaps.</summary>
    [FieldOffset(96)]
    public VmAreaNodeSlots Extents;

    /// <summary>VMAs or children.</summary>
    [FieldOffset(176)]
    public VmAreaNodeSlots Targets;
}
