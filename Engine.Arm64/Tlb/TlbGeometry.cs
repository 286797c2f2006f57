namespace Engine.Arm64.Tlb;

/// <summary>The shape of a whole translation unit: its TLB levels.</summary>
public sealed record TlbGeometry
{
    /// <summary>Creates a hierarchy.</summary>
    /// <param name="levels">At least one. No two levels of one number serve the same accesses.</param>
    /// <exception cref="ArgumentException">There is no level, two levels overlap, or a mostly exclusive one has none in front.</exception>
    public TlbGeometry(params ReadOnlySpan<TlbLevelGeometry> levels)
    {
        if (levels.IsEmpty)
        {
            throw new ArgumentException("a TLB needs at least one level", nameof(levels));
        }

        TlbLevelGeometry[] sorted = [.. levels.ToArray().OrderBy(level => level.Level).ThenBy(level => level.Sides)];
        if (FindMisplaced(sorted) is string wrong)
        {
            throw new ArgumentException(wrong, nameof(levels));
        }

        Levels = sorted;
    }

    /// <summary>The levels, by number, instruction side before data side.</summary>
    public IReadOnlyList<TlbLevelGeometry> Levels { get; }

    /// <summary>Caches of intermediate tables, or none.</summary>
    public IReadOnlyList<WalkCacheGeometry> WalkCaches { get; init; } = [];

    /// <summary>A cache of stage 2 translations that nested walks use for stage 1's descriptors and its output, or null. Without stage 2 it has nothing to do.</summary>
    public WalkCacheGeometry? IpaCache { get; init; }

    /// <summary>The TLBs of the core that is simulated where none is named.</summary>
    public static TlbGeometry Default => CoreGeometries.Find(CoreGeometries.DefaultName)!.Geometry;

    /// <summary>What a translation costs, in cycles.</summary>
    public TranslationCosts Costs { get; init; } = new();

    /// <summary>Which accesses some level serves.</summary>
    public TlbSides Sides => Levels.Aggregate(TlbSides.None, (sides, level) => sides | level.Sides);

    /// <summary>The hierarchy as the command line writes it: <c>l1d=48:full,l2=1280:5</c>.</summary>
    public override string ToString() => string.Join(',', Levels);

    /// <summary>Levels that cannot be where they are, in words, or null.</summary>
    internal static string? FindMisplaced(IReadOnlyCollection<TlbLevelGeometry> levels) => FindOverlap(levels) ?? FindUnfed(levels);

    // A mostly exclusive level that some access meets first.
    private static string? FindUnfed(IReadOnlyCollection<TlbLevelGeometry> levels)
    {
        TlbLevelGeometry? unfed = levels.FirstOrDefault(level => level.Fill == FillPolicy.MostlyExclusive
            && (level.Sides & ~levels.Where(other => other.Level < level.Level).Aggregate(TlbSides.None, (sides, other) => sides | other.Sides)) != 0);
        return unfed is null ? null : $"level '{unfed.Name}' is filled by a level in front, and there is none for all of its accesses";
    }

    // Two levels that serve the same accesses at the same place.
    private static string? FindOverlap(IEnumerable<TlbLevelGeometry> levels)
    {
        Dictionary<int, TlbLevelGeometry> seenFetch = [];
        Dictionary<int, TlbLevelGeometry> seenData = [];
        foreach (TlbLevelGeometry level in levels)
        {
            if ((level.Sides.HasFlag(TlbSides.Fetch) && !seenFetch.TryAdd(level.Level, level))
                || (level.Sides.HasFlag(TlbSides.Data) && !seenData.TryAdd(level.Level, level)))
            {
                return $"two levels '{level.Name}' and '{(seenFetch.GetValueOrDefault(level.Level) ?? seenData[level.Level]).Name}' serve the same accesses";
            }
        }

        return null;
    }
}
