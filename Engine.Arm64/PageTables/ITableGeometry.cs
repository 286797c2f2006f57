namespace Engine.Arm64.PageTables;

/// <summary>
/// The shape of a tree of tables, as compile-time constants: a struct that implements it makes the compiler
/// emit code for that shape alone.
/// </summary>
public interface ITableGeometry
{
    /// <summary>log2 of the granule in bytes: 12, 14 or 16.</summary>
    public static abstract int PageShift { get; }

    /// <summary>Bits of a virtual address that the tree translates.</summary>
    public static abstract int VirtualAddressBits { get; }

    /// <summary>The root's level, 0 or 1; pages are at level 3.</summary>
    public static abstract int StartLevel { get; }

    /// <summary>log2 of the entries in a contiguous run of pages (<c>CONT_PTE_SHIFT - PAGE_SHIFT</c>).</summary>
    public static abstract int ContiguousPagesShift { get; }

    /// <summary>log2 of the entries in a contiguous run of level-2 blocks (<c>CONT_PMD_SHIFT - PMD_SHIFT</c>).</summary>
    public static abstract int ContiguousBlocksShift { get; }
}
