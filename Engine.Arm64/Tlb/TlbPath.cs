namespace Engine.Arm64.Tlb;

/// <summary>The levels of a hierarchy, and which of them an access passes in which order.</summary>
internal sealed class TlbPath
{
    private readonly TlbLevel?[] walkCacheByLevel = new TlbLevel?[WalkResult.LevelCount];

    /// <summary>Builds the levels of a geometry.</summary>
    public TlbPath(TlbGeometry geometry, ulong seed)
    {
        Levels = [.. geometry.Levels.Select(level => new TlbLevel(level, seed))];
        WalkCaches = [.. geometry.WalkCaches.Select(cache => new TlbLevel(cache.ToLevel(), seed))];
        All = [.. Levels, .. WalkCaches];
        for (int level = -1; level <= 3; level++)
        {
            int index = geometry.WalkCaches.ToList().FindIndex(cache => ((cache.TableLevels >> (level + 1)) & 1) != 0);
            walkCacheByLevel[level + 1] = index < 0 ? null : WalkCaches[index];
        }

        Fetch = [.. Levels.Where(level => level.Geometry.Sides.HasFlag(TlbSides.Fetch))];
        Data = [.. Levels.Where(level => level.Geometry.Sides.HasFlag(TlbSides.Data))];
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

    /// <summary>The cache that keeps tables of a level, or null.</summary>
    /// <param name="tableLevel">-1..3.</param>
    public TlbLevel? WalkCacheFor(int tableLevel) => walkCacheByLevel[tableLevel + 1];

    /// <summary>What the levels have seen.</summary>
    public TlbLevelStatistics[] Statistics =>
        [.. Levels.Select(level => new TlbLevelStatistics(level.Geometry.Name, level.Lookups, level.Lookups - level.Misses, level.Misses))];
}
