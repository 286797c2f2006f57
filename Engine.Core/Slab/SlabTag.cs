// The word by which a frame says that a slab cache, a large kmalloc or slab bookkeeping owns it. It lies in every frame
// of a slab (Linux: slab_cache in struct slab, compound_head in the tails), where a frame on another owner's list has a link.
//
//   63           32 31      8 7    4 3     0
//  +---------------+---------+------+-------+
//  | magic         | number  | node | order |
//  +---------------+---------+------+-------+

namespace Engine.Core.Slab;

/// <summary>Which cache owns a frame, and how large its slab is.</summary>
internal readonly record struct SlabTag(ulong Word)
{
    /// <summary>The largest cache number.</summary>
    public const int NumberMax = (1 << 24) - 1;

    /// <summary>The most NUMA nodes (<c>MAX_NUMNODES</c> with arm64's <c>NODES_SHIFT</c> of 4).</summary>
    public const int NodesMax = 16;

    private const int NodeShift = 4;
    private const int NumberShift = 8;
    private const ulong OrderMask = (1UL << NodeShift) - 1;
    private const ulong SlabMagic = 0x51ab_c0deUL << 32;
    private const ulong LargeMagic = 0x1a46_e0deUL << 32;
    private const ulong BookkeepingMagic = 0xb00c_c0deUL << 32;
    private const ulong MagicMask = 0xffff_ffffUL << 32;

    /// <summary>A word that no frame carries.</summary>
    public static SlabTag None => new(0);

    /// <summary>Whether the frame belongs to a slab.</summary>
    public bool IsSlab => (Word & MagicMask) == SlabMagic;

    /// <summary>Whether the frame heads a large kmalloc.</summary>
    public bool IsLarge => (Word & MagicMask) == LargeMagic;

    /// <summary>The cache's number.</summary>
    public int Number => (int)((Word >> NumberShift) & NumberMax);

    /// <summary>The block's order.</summary>
    public int Order => (int)(Word & OrderMask);

    /// <summary>The NUMA node that a slab's frames belong to (<c>slab_nid</c>).</summary>
    public int Node => (int)((Word >> NodeShift) & (NodesMax - 1));

    /// <summary>The tag of a slab.</summary>
    public static SlabTag OfSlab(int number, int node, int order) =>
        new(SlabMagic | ((ulong)(uint)number << NumberShift) | ((ulong)(uint)node << NodeShift) | (uint)order);

    /// <summary>The tag of a large kmalloc.</summary>
    public static SlabTag OfLarge(int order) => new(LargeMagic | (uint)order);

    /// <summary>The tag of a frame with a cache's bookkeeping.</summary>
    public static SlabTag OfBookkeeping(int number) => new(BookkeepingMagic | ((ulong)(uint)number << NumberShift));
}
