namespace Engine.Arm64.Tlb;

/// <summary>The levels of a hierarchy, and which of them an access passes in which order.</summary>
internal sealed class TlbPath
{
    private readonly TlbLevel?[] walkCacheByLevel = new TlbLevel?[WalkResult.LevelCount];

    /// <summary>Builds the levels of a geometry.</summary>
    public TlbPath(TlbGeometry geometry, ulong seed)
    {
        Levels = Build(geometry, seed);
        WalkCaches = [.. geometry.WalkCaches.Select(cache => new TlbLevel(cache.ToLevel(), seed))];
        All = [.. Levels, .. WalkCaches];
        for (int level = -1; level <= 3; level++)
        {
            int index = geometry.WalkCaches.ToList().FindIndex(cache => ((cache.TableLevels >> (level + 1)) & 1) != 0);
            walkCacheByLevel[level + 1] = index < 0 ? null : WalkCaches[index];
        }

        Fetch = [.. Levels.Where(level => level.Geometry.Sides.HasFlag(TlbSides.Fetch))];
        Data = [.. Levels.Where(level => level.Geometry.Sides.HasFlag(TlbSides.Data))];
        foreach (TlbLevel[] levels in (TlbLevel[][])[Fetch, Data])
        {
            for (int i = 1; i < levels.Length; i++)
            {
                levels[i - 1].KeepsVictims |= levels[i].IsExclusive;
            }
        }
    }

    /// <summary>The TLB levels, by number.</summary>
    public TlbLevel[] Levels { get; }

    /// <summary>The walk caches.</summary>
    public TlbLevel[] WalkCaches { get; }

    /// <summary>TLB levels and walk caches.</summary>
    public TlbLevel[] All { get; }

    /// <summary>The levels that a fetch passes, first one first.</summary>
    public TlbLevel[] Fetch { get; }

    /// <summary>The levels that a load or store passes, first one first.</summary>
    public TlbLevel[] Data { get; }

    /// <summary>
    /// The entries of the first levels of both sides, where both are fully associative LRU levels that nothing else uses; else null.
    /// </summary>
    public AssociativeEntries? Firsts { get; private set; }

    /// <summary>The cache that keeps tables of a level, or null.</summary>
    /// <param name="tableLevel">-1..3.</param>
    public TlbLevel? WalkCacheFor(int tableLevel) => walkCacheByLevel[tableLevel + 1];

    /// <summary>What the levels have seen.</summary>
    public TlbLevelStatistics[] Statistics =>
        [.. Levels.Select(level => new TlbLevelStatistics(level.Geometry.Name, level.Lookups, level.Lookups - level.Misses, level.Misses))];

    // The first levels of both sides get common entries, so that one loop can serve both.
    private TlbLevel[] Build(TlbGeometry geometry, ulong seed)
    {
        TlbLevelGeometry? fetch = geometry.Levels.FirstOrDefault(level => level.Sides.HasFlag(TlbSides.Fetch));
        TlbLevelGeometry? data = geometry.Levels.FirstOrDefault(level => level.Sides.HasFlag(TlbSides.Data));
        TlbLevelGeometry[] firsts = [.. new[] { fetch, data }.OfType<TlbLevelGeometry>().Distinct()];
        if (firsts.All(level => level.IsFullyAssociative && level.Policy == ReplacementPolicy.Lru)
            && (fetch == data || (fetch?.Sides != TlbSides.Both && data?.Sides != TlbSides.Both)))
        {
            Firsts = new AssociativeEntries([.. firsts.Select(level => level.Entries)]);
        }

        return
        [
            .. geometry.Levels.Select(level => Firsts != null && Array.IndexOf(firsts, level) is int part and >= 0
                ? new TlbLevel(level, seed, Firsts, AssociativeEntries.FirstSlotOf(part, firsts[0].Entries))
                : new TlbLevel(level, seed)),
        ];
    }
}
