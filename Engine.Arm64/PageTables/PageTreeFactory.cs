using System.Diagnostics.CodeAnalysis;
using Engine.Core.Buddy;
using Engine.Core.Units;

namespace Engine.Arm64.PageTables;

/// <summary>Makes trees of any shape; <see cref="PageTable"/> is the common one.</summary>
public static class PageTreeFactory
{
    /// <summary>Makes an empty tree: one root table (<c>pgd_alloc</c>).</summary>
    /// <typeparam name="TGeometry">Granule, address width and levels.</typeparam>
    /// <param name="allocator">Gives the frames of tables.</param>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="kind">Whose tables.</param>
    /// <param name="tree">The tree; null where there is none.</param>
    /// <returns>False where there is no memory for the root.</returns>
    public static bool TryCreate<TGeometry>(
        PageAllocator allocator, CpuId cpu, PageTableKind kind, [NotNullWhen(true)] out PageTree<TGeometry>? tree)
        where TGeometry : struct, ITableGeometry
    {
        bool isMade = PageTree<TGeometry>.TryAllocateTable(allocator, cpu, PageTree<TGeometry>.TableGfp(kind), out Pfn root);
        tree = isMade ? new PageTree<TGeometry>(allocator, kind, root) : null;
        return isMade;
    }
}
