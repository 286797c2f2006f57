namespace Engine.Arm64.Tlb;

/// <summary>The levels of a hierarchy, and which of them an access passes in which order.</summary>
internal sealed class TlbPath
{
    /// <summary>Builds the levels of a geometry.</summary>
    public TlbPath(TlbGeometry geometry, ulong seed)
    {
        Levels = [.. geometry.Levels.Select(level => new TlbLevel(level, seed))];
        Fetch = [.. Levels.Where(level => level.Geometry.Sides.HasFlag(TlbSides.Fetch))];
        Data = [.. Levels.Where(level => level.Geometry.Sides.HasFlag(TlbSides.Data))];
    }

    /// <summary>All levels, by number.</summary>
    public TlbLevel[] Levels { get; }

    /// <summary>The levels that a fetch passes, first one first.</summary>
    public TlbLevel[] Fetch { get; }

    /// <summary>The levels that a load or store passes, first one first.</summary>
    public TlbLevel[] Data { get; }

    /// <summary>What the levels have seen.</summary>
    public TlbLevelStatistics[] Statistics =>
        [.. Levels.Select(level => new TlbLevelStatistics(level.Geometry.Name, level.Lookups, level.Lookups - level.Misses, level.Misses))];
}
