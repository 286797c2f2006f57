namespace Engine.Core.Diagnostics.Procfs;

/// <summary>One zone in a recorded <c>/proc/zoneinfo</c>, in pages.</summary>
public sealed record RecordedZone
{
    /// <summary>NUMA node.</summary>
    public required int Node { get; init; }

    /// <summary>The zone's name, such as <c>DMA32</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The line on which it begins, 1-based.</summary>
    public required int Line { get; init; }

    /// <summary>The page counts by their labels: <c>pages free</c>, <c>boost</c>, <c>min</c>, <c>low</c>, <c>high</c>, <c>promo</c>, <c>spanned</c>, <c>present</c>, <c>managed</c>, <c>cma</c>.</summary>
    public Dictionary<string, ulong> Pages { get; } = new(StringComparer.Ordinal);

    /// <summary><c>protection</c> by zone kind: pages kept from allocations that could use a higher zone.</summary>
    public IReadOnlyList<ulong> Protection { get; set; } = [];

    /// <summary>The zone's counters and what follows the page lists, by name.</summary>
    public Dictionary<string, ulong> Counters { get; } = new(StringComparer.Ordinal);

    /// <summary>The CPUs' page lists.</summary>
    public List<RecordedPerCpu> PerCpu { get; } = [];

    /// <summary>First frame; 0 for a zone without memory.</summary>
    public ulong StartPfn => Counters.GetValueOrDefault("start_pfn");

    /// <summary>Frames from the first to the last.</summary>
    public ulong SpannedPages => Pages.GetValueOrDefault("spanned");

    /// <summary>Frames that are RAM.</summary>
    public ulong PresentPages => Pages.GetValueOrDefault("present");

    /// <summary>Frames that the page allocator manages.</summary>
    public ulong ManagedPages => Pages.GetValueOrDefault("managed");

    /// <summary>A watermark without the boost.</summary>
    /// <param name="label"><c>min</c>, <c>low</c>, <c>high</c> or <c>promo</c>.</param>
    public ulong GetWatermark(string label)
    {
        ulong boost = Pages.GetValueOrDefault("boost");
        ulong mark = Pages.GetValueOrDefault(label);
        return mark > boost ? mark - boost : 0;
    }
}
