// One entry, 32 bytes. An address hits where (address & Mask) == Tag; the physical address is then address + Delta.
//
// Meta:
//   63        48 47        32 31  29 28  27   26    25     24 23     18 17     12 11   8 7     4 3     0
//  +------------+------------+------+-------+-----+------+---+---------+---------+------+-------+-------+
//  |   VMID     |    ASID    |level |  free |dirty|global|cnt| log2 of | log2 of | attr | EL1   | EL0   |
//  |            |            | + 1  | plain |later|      |   | page    | entry   | index| allow | allow |
//  +------------+------------+------+-------+-----+------+---+---------+---------+------+-------+-------+
// allow: one bit for each AccessKind. "log2 of page" is the size that the leaf descriptor maps (a page or block), "log2 of entry" what this
// entry covers: less (a piece of a block) or more (a contiguous run, or pages that the hardware aggregated). cnt: the descriptor
// belongs to a contiguous run. plain: the entry covers exactly a page or block outside a run.
//
// An unused entry has Tag 1 and Mask 0, an entry of another address space has bit 0 of its Tag set: both match no address,
// since bit 0 is never in a mask.

using System.Runtime.InteropServices;

namespace Engine.Arm64.Tlb;

/// <summary>One TLB entry.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TlbEntry
{
    public const int ElBits = 4;
    public const int AttributeShift = 8;
    public const int EntrySizeShift = AttributeShift + 4;
    public const int PageSizeShift = EntrySizeShift + 6;
    public const int ContiguousShift = PageSizeShift + 6;
    public const int GlobalShift = ContiguousShift + 1;
    public const int DirtyLaterShift = GlobalShift + 1;
    public const int PlainShift = DirtyLaterShift + 1;
    public const int LevelShift = 29;
    public const int AsidShift = LevelShift + 3;
    public const int VmidShift = AsidShift + 16;

    public const ulong EntrySizeMask = 63UL << EntrySizeShift;

    public const ulong Plain = 1UL << PlainShift;

    public const ulong Global = 1UL << GlobalShift;

    public const ulong UnusedTag = 1;

    /// <summary>Virtual address of the first byte; bit 0 set: matches nothing.</summary>
    public ulong Tag;

    /// <summary>The address bits that the tag is compared with.</summary>
    public ulong Mask;

    /// <summary>Physical minus virtual address, modulo 2^64.</summary>
    public ulong Delta;

    /// <summary>Permissions and tags; see the drawing.</summary>
    public ulong Meta;

    /// <summary>Whether the entry holds a translation (of this address space or another).</summary>
    public readonly bool IsUsed => Mask != 0;

    /// <summary>log2 of the bytes that the entry covers.</summary>
    public readonly int SizeLog2 => (int)((Meta >> EntrySizeShift) & 63);

    /// <summary>log2 of the bytes that the leaf descriptor maps.</summary>
    public readonly int PageSizeLog2 => (int)((Meta >> PageSizeShift) & 63);

    /// <summary>log2 of the bytes that the tables map as one: the contiguous run, the aggregated pages, the block or the page.</summary>
    public readonly int MappingSizeLog2 => IsContiguous ? RunSizeLog2(PageSizeLog2) : Math.Max(PageSizeLog2, SizeLog2);

    /// <summary>Whether the entry covers less than the tables map as one.</summary>
    public readonly bool IsPiece => SizeLog2 < MappingSizeLog2;

    /// <summary>Whether the translation came from a contiguous run.</summary>
    public readonly bool IsContiguous => ((Meta >> ContiguousShift) & 1) != 0;

    /// <summary>Whether it serves every ASID.</summary>
    public readonly bool IsGlobal => ((Meta >> GlobalShift) & 1) != 0;

    /// <summary>The level of the descriptor, -1..3.</summary>
    public readonly int Level => ((int)((Meta >> LevelShift) & 7)) - 1;

    /// <summary>The address space, where the entry is not global.</summary>
    public readonly ushort Asid => unchecked((ushort)(Meta >> AsidShift));

    /// <summary>The virtual machine.</summary>
    public readonly ushort Vmid => unchecked((ushort)(Meta >> VmidShift));

    /// <summary>The first virtual address, whether the entry is active or not.</summary>
    public readonly ulong Start => Tag & ~1UL;

    /// <summary>Makes an entry.</summary>
    /// <param name="address">Any address in it.</param>
    /// <param name="sizeLog2">log2 of the bytes that it covers.</param>
    /// <param name="delta">Physical minus virtual address.</param>
    /// <param name="meta">Everything else but its size.</param>
    public static TlbEntry Create(ulong address, int sizeLog2, ulong delta, ulong meta)
    {
        ulong mask = ulong.MaxValue << sizeLog2;
        ulong pageSizeLog2 = (meta >> PageSizeShift) & 63;
        bool isPlain = pageSizeLog2 == (uint)sizeLog2 && ((meta >> ContiguousShift) & 1) == 0;
        return new TlbEntry
        {
            Tag = address & mask,
            Mask = mask,
            Delta = delta,
            Meta = (meta & ~(EntrySizeMask | Plain)) | ((ulong)(uint)sizeLog2 << EntrySizeShift) | (isPlain ? Plain : 0),
        };
    }

    /// <summary>Whether ASID and VMID let the entry serve an address space.</summary>
    public readonly bool Serves(ushort asid, ushort vmid) => Vmid == vmid && (IsGlobal || Asid == asid);

    /// <summary>log2 of the bytes in a contiguous run of pages or blocks of a size (Arm DDI 0487, D8.7.1; the sizes of the granules are all different).</summary>
    public static int RunSizeLog2(int pageSizeLog2) => pageSizeLog2 switch
    {
        14 => 21, // 16K granule: 128 pages
        25 => 30, // 16K granule: 32 blocks of 32 MiB
        16 => 21, // 64K granule: 32 pages
        29 => 34, // 64K granule: 32 blocks of 512 MiB
        _ => pageSizeLog2 + 4, // 4K granule: 16 pages or blocks
    };

    /// <summary>The granule that has pages or blocks of a size; those of the three granules are all different.</summary>
    public static int GranuleLog2(int pageSizeLog2) => pageSizeLog2 switch
    {
        14 or 25 or 36 => 14,
        16 or 29 or 42 => 16,
        _ => 12,
    };

    /// <summary>Empties the entry.</summary>
    public void Clear()
    {
        Tag = UnusedTag;
        Mask = 0;
        Delta = 0;
        Meta = 0;
    }
}
