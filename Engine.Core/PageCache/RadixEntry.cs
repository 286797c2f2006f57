namespace Engine.Core.PageCache;

/// <summary>
/// What a slot of a page index holds (include/linux/xarray.h), told apart by its low two bits:
/// <code>
///   0                       nothing
///   ...00  descriptor       physical address of a folio's first descriptor
///   ...01  value            a shadow or another value, shifted left by one
///   ...10  slot, below 64   sibling: the slot of the same node that holds the folio
///   ...10  address          physical address of a child node
/// </code>
/// </summary>
internal static class RadixEntry
{
    public const ulong None = 0;
    private const ulong InternalTag = 2;
    private const ulong TagMask = 3;

    public static bool IsFolio(ulong entry) => entry != None && (entry & TagMask) == 0;

    public static bool IsValue(ulong entry) => (entry & 1) != 0;

    public static bool IsSibling(ulong entry) => (entry & TagMask) == InternalTag && entry >> 2 < RadixNode.SlotCount;

    public static bool IsNode(ulong entry) => (entry & TagMask) == InternalTag && entry >> 2 >= RadixNode.SlotCount;

    public static ulong FromNode(ulong address) => address | InternalTag;

    public static ulong ToNode(ulong entry) => entry & ~TagMask;

    public static ulong FromSibling(int slot) => ((ulong)(uint)slot << 2) | InternalTag;

    public static int ToSibling(ulong entry) => unchecked((int)(entry >> 2));
}
