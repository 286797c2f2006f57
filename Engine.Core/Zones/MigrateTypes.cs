// Which types exist, what they are called, and where an allocation turns when its own type has nothing left.

using Engine.Core.Units;

namespace Engine.Core.Zones;

/// <summary>The rules about migrate types (mm/page_alloc.c, include/linux/gfp.h).</summary>
public static class MigrateTypes
{
    /// <summary>How many types there are, with CMA and isolation configured (<c>MIGRATE_TYPES</c>).</summary>
    public const int Count = 6;

    /// <summary>How many types have per-CPU lists (<c>MIGRATE_PCPTYPES</c>); the types below it merge with each other.</summary>
    public const int PerCpuCount = 3;

    private static readonly string[] Names = ["Unmovable", "Movable", "Reclaimable", "HighAtomic", "CMA", "Isolate"];

    private static readonly MigrateType[] UnmovableFallbacks = [MigrateType.Reclaimable, MigrateType.Movable];
    private static readonly MigrateType[] MovableFallbacks = [MigrateType.Reclaimable, MigrateType.Unmovable];
    private static readonly MigrateType[] ReclaimableFallbacks = [MigrateType.Unmovable, MigrateType.Movable];

    /// <summary>The type's name as <c>/proc/pagetypeinfo</c> prints it.</summary>
    public static string GetName(MigrateType type) => Names[(int)type];

    /// <summary>The type that an allocation's flags ask for (<c>gfp_migratetype</c>).</summary>
    /// <exception cref="ArgumentException">Movable and reclaimable are both set, which Linux treats as a bug.</exception>
    public static MigrateType FromGfp(GfpFlags gfp)
    {
        const GfpFlags Mask = GfpFlags.Movable | GfpFlags.Reclaimable;
        return (gfp & Mask) == Mask
            ? throw new ArgumentException($"{gfp} asks for movable and reclaimable memory at once", nameof(gfp))
            : (MigrateType)((uint)(gfp & Mask) >> 3);
    }

    /// <summary>Whether free blocks of this type merge with free blocks of the other mergeable types (<c>migratetype_is_mergeable</c>).</summary>
    public static bool IsMergeable(MigrateType type) => (int)type < PerCpuCount;

    /// <summary>The types tried when <paramref name="type"/> has no block that is large enough, in this order (<c>fallbacks[]</c>).</summary>
    public static ReadOnlySpan<MigrateType> GetFallbacks(MigrateType type) => type switch
    {
        MigrateType.Unmovable => UnmovableFallbacks,
        MigrateType.Movable => MovableFallbacks,
        MigrateType.Reclaimable => ReclaimableFallbacks,
        _ => [],
    };

    /// <summary>
    /// Whether an allocation of type <paramref name="startType"/> may claim the whole pageblock around a free block of
    /// order <paramref name="order"/> (<c>can_steal_fallback</c>).
    /// </summary>
    public static bool CanSteal(int order, MigrateType startType, bool isMobilityGroupingDisabled) =>
        order >= Order.PageBlockValue / 2
        || startType is MigrateType.Reclaimable or MigrateType.Unmovable
        || isMobilityGroupingDisabled;
}
