using System.Diagnostics.CodeAnalysis;
using Engine.Core.Buddy;
using Engine.Core.Units;

namespace Engine.Arm64.PageTables;

/// <summary>The translation tables of one process (or of the kernel) with 4 KiB pages and 48-bit addresses: Linux's <c>pgd</c> and what hangs below it.</summary>
public sealed class PageTable : PageTree<Granule4K>
{
    private PageTable(PageAllocator allocator, PageTableKind kind, Pfn root)
        : base(allocator, kind, root)
    {
    }

    /// <summary>Makes an empty tree: one root table (<c>pgd_alloc</c>).</summary>
    /// <param name="allocator">Gives the frames of tables.</param>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="kind">Whose tables.</param>
    /// <param name="table">The tree; null where there is none.</param>
    /// <returns>False where there is no memory for the root.</returns>
    public static bool TryCreate(PageAllocator allocator, CpuId cpu, PageTableKind kind, [NotNullWhen(true)] out PageTable? table)
    {
        table = TryAllocateTable(allocator, cpu, TableGfp(kind), out Pfn root) ? new PageTable(allocator, kind, root) : null;
        return table is not null;
    }
}
