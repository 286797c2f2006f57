using System.Runtime.InteropServices;

namespace Engine.Core.Buddy;

/// <summary>
/// What changes with every batch that moves between one part of a zone and the per-CPU lists, in the arena. It fits in a line that the CPU
/// whose part it is has for itself, as long as others have memory of their own.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
internal unsafe struct FreePart
{
    /// <summary>Bytes in the arena: two lines, because hosts fetch neighbours.</summary>
    public const int SizeBytes = 128;

    /// <summary>Pages in the part's free blocks; pages on per-CPU lists are not among them (its share of <c>NR_FREE_PAGES</c>).</summary>
    [FieldOffset(0)]
    public long FreePages;

    /// <summary>Which orders have a free block of a type below HighAtomic: bit k for order k.</summary>
    [FieldOffset(8)]
    public uint PcpTypeOrders;

    /// <summary>By type: which orders have a free block, bit k for order k.</summary>
    [FieldOffset(16)]
    public fixed ushort TypeOrders[8];

    /// <summary>Pages of CMA pageblocks in free blocks (its share of <c>NR_FREE_CMA_PAGES</c>).</summary>
    [FieldOffset(32)]
    public long FreeCmaPages;

    /// <summary>Blocks taken from the part's free blocks under the lock (<c>mm_page_alloc_zone_locked</c>).</summary>
    [FieldOffset(40)]
    public long ZoneLocked;
}
