namespace Engine.Arm64.Tlb;

/// <summary>The shape of a walk cache: it holds addresses of intermediate translation tables.</summary>
/// <param name="Entries">Entries in all.</param>
/// <param name="Ways">Entries in a set; equal to <paramref name="Entries"/> where fully associative.</param>
public sealed record WalkCacheGeometry(int Entries, int Ways)
{
    /// <summary>Tables of levels 1, 2 and 3: all but the root of a four-level walk.</summary>
    public const int LevelsBelowRoot = (1 << (1 + 1)) | (1 << (2 + 1)) | (1 << (3 + 1));

    /// <summary>Which tables it holds: bit level + 1 for the tables of a level (3: tables of pages).</summary>
    public int TableLevels { get; init; } = LevelsBelowRoot;

    /// <summary>Which entry gives way.</summary>
    public ReplacementPolicy Policy { get; init; } = ReplacementPolicy.Lru;

    internal TlbLevelGeometry ToLevel() => new(9, TlbSides.Both, Entries, Ways, Policy);
}
