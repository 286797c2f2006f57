using Engine.Core.Units;

namespace Engine.Arm64.HugePages;

/// <summary>How transparent huge pages are set up at boot (mm/huge_memory.c); <see cref="HugePagePolicy"/> changes it later.</summary>
public sealed record HugePageOptions
{
    /// <summary>The smallest order of an anonymous large folio: 16 KiB (<c>THP_ORDERS_ALL_ANON</c>).</summary>
    public const int SmallestOrder = 2;

    /// <summary>The order that a block of level 2 maps: 2 MiB (<c>HPAGE_PMD_ORDER</c>).</summary>
    public const int HugeOrder = Order.PageBlockValue;

    /// <summary>The setting for all sizes that inherit (<c>transparent_hugepage/enabled</c>): never, madvise or always.</summary>
    public HugePageMode Enabled { get; init; } = HugePageMode.Madvise;

    /// <summary>The setting of each size by its order, 2 to 9; what is absent is never, but 2 MiB inherits.</summary>
    public IReadOnlyDictionary<int, HugePageMode> Sizes { get; init; } = new Dictionary<int, HugePageMode>();

    /// <summary>What a fault may do to find memory.</summary>
    public HugePageDefrag Defrag { get; init; } = HugePageDefrag.Madvise;

    /// <summary>Whether a read fault may map the huge zero page (<c>use_zero_page</c>).</summary>
    public bool UsesZeroPage { get; init; } = true;

    /// <summary>Pages that khugepaged may add to what is mapped (<c>khugepaged/max_ptes_none</c>).</summary>
    public int CollapseEmptyMax { get; init; } = 511;

    /// <summary>Pages that others may map as well for khugepaged to collapse (<c>khugepaged/max_ptes_shared</c>).</summary>
    public int CollapseSharedMax { get; init; } = 256;
}
