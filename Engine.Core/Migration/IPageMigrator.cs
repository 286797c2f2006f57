using Engine.Core.Units;

namespace Engine.Core.Migration;

/// <summary>How physical memory asks the owner of a page in use to move it: what the virtual side implements (mm/migrate.c).</summary>
public interface IPageMigrator
{
    /// <summary>Whether a block in use may be moved at all: pages on an LRU list, and pages whose owner can move them.</summary>
    /// <param name="head">The block's first frame.</param>
    /// <param name="order">The block's order.</param>
    /// <param name="mode">How much the caller would wait for.</param>
    public bool CanMove(Pfn head, Order order, CompactMode mode);

    /// <summary>
    /// Copies a block's contents to another, and makes everything that refers to the old one refer to the new one
    /// (<c>migrate_folio</c>). The new block is allocated with one reference; afterwards the owner holds it as it held the old one.
    /// </summary>
    /// <returns>True where it was moved: the caller then frees the old block. False where nothing has changed.</returns>
    public bool TryMove(CpuId cpu, Pfn from, Pfn to, Order order, CompactMode mode);
}
