using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <summary>A block was taken from another type (trace event <c>mm_page_alloc_extfrag</c>).</summary>
/// <param name="Pfn">The block's first frame.</param>
/// <param name="AllocOrder">The order wanted.</param>
/// <param name="FallbackOrder">The order of the block that was found.</param>
/// <param name="AllocType">The type wanted.</param>
/// <param name="FallbackType">The type that lent.</param>
/// <param name="ChangeOwnership">Whether the pageblock changed its type.</param>
public readonly record struct ExtFragEvent(
    Pfn Pfn, Order AllocOrder, Order FallbackOrder, MigrateType AllocType, MigrateType FallbackType, bool ChangeOwnership)
{
    /// <summary>Whether the block was smaller than a pageblock, so that types now mix.</summary>
    public bool IsFragmenting => FallbackOrder < Order.PageBlock;
}
