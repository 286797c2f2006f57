using System.Runtime.InteropServices;

namespace Engine.Core.PageCache;

/// <summary>
/// A node of a file's page index (<c>struct xa_node</c>, include/linux/xarray.h): 576 bytes of slab, seven to a frame.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
internal struct RadixNode
{
    public const int SizeBytes = 576;
    public const int SlotShift = 6;
    public const int SlotCount = 1 << SlotShift;
    public const int SlotMask = SlotCount - 1;

    /// <summary>Bits of the index below this node's slots: 0 in a leaf (<c>shift</c>).</summary>
    [FieldOffset(0)]
    public byte Shift;

    /// <summary>The slot in the parent that holds this node (<c>offset</c>).</summary>
    [FieldOffset(1)]
    public byte Offset;

    /// <summary>Slots in use, siblings counted (<c>count</c>).</summary>
    [FieldOffset(2)]
    public byte Count;

    /// <summary>Slots that hold a value instead of a folio (<c>nr_values</c>).</summary>
    [FieldOffset(3)]
    public byte ValueCount;

    /// <summary>Physical address of the parent, 0 at the top (<c>parent</c>).</summary>
    [FieldOffset(8)]
    public ulong Parent;

    /// <summary>Physical address of the <see cref="AddressSpaceRecord"/> (<c>array</c>).</summary>
    [FieldOffset(16)]
    public ulong Array;

    /// <summary>Place of the links of the list of nodes that hold shadows only (<c>private_list</c>).</summary>
    [FieldOffset(24)]
    public ulong ListNext;

    /// <summary>See <see cref="ListNext"/>.</summary>
    [FieldOffset(32)]
    public ulong ListPrevious;

    /// <summary>What the index leads to: see <see cref="RadixEntry"/> (<c>slots</c>).</summary>
    [FieldOffset(40)]
    public RadixSlots Slots;

    /// <summary>A bit a slot: something below is dirty (<c>PAGECACHE_TAG_DIRTY</c>).</summary>
    [FieldOffset(552)]
    public ulong Dirty;

    /// <summary>A bit a slot: something below is being written (<c>PAGECACHE_TAG_WRITEBACK</c>).</summary>
    [FieldOffset(560)]
    public ulong Writeback;

    /// <summary>A bit a slot: something below is to be written (<c>PAGECACHE_TAG_TOWRITE</c>).</summary>
    [FieldOffset(568)]
    public ulong ToWrite;

    /// <summary>The marks of one kind.</summary>
    [System.Diagnostics.CodeAnalysis.UnscopedRef]
    public ref ulong Marks(PageMark mark)
    {
        if (mark == PageMark.Dirty)
        {
            return ref Dirty;
        }

        if (mark == PageMark.Writeback)
        {
            return ref Writeback;
        }

        return ref ToWrite;
    }
}
