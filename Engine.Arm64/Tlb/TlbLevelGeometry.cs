using System.Globalization;

namespace Engine.Arm64.Tlb;

/// <summary>The shape of one TLB level.</summary>
public sealed record TlbLevelGeometry
{
    /// <summary>The most entries that a level may have.</summary>
    public const int EntriesMax = 1 << 20;

    /// <summary>The most entries that a fully associative level may have.</summary>
    public const int FullyAssociativeEntriesMax = 1 << 14;

    /// <summary>The most ways that a level with several sets may have.</summary>
    public const int WaysMax = 256;

    /// <summary>The page sizes that a level holds unless said otherwise, as a mask of bits log2(bytes): all.</summary>
    public const ulong AllPageSizes = ~0UL << 12;

    /// <summary>Creates a level.</summary>
    /// <param name="level">1 for the level that an access meets first.</param>
    /// <param name="sides">Which accesses it serves.</param>
    /// <param name="entries">Entries in all.</param>
    /// <param name="ways">Entries in a set; equal to <paramref name="entries"/> where the level is fully associative. It divides <paramref name="entries"/>.</param>
    /// <param name="policy">Which entry gives way.</param>
    /// <exception cref="ArgumentException">The numbers do not fit together; the message says how.</exception>
    public TlbLevelGeometry(int level, TlbSides sides, int entries, int ways, ReplacementPolicy policy = ReplacementPolicy.Lru)
    {
        if (Check(level, sides, entries, ways) is string wrong)
        {
            throw new ArgumentException(wrong);
        }

        Level = level;
        Sides = sides;
        Entries = entries;
        Ways = ways;
        Policy = policy;
    }

    /// <summary>1 for the level that an access meets first.</summary>
    public int Level { get; }

    /// <summary>Which accesses it serves.</summary>
    public TlbSides Sides { get; }

    /// <summary>Entries in all.</summary>
    public int Entries { get; }

    /// <summary>Entries in a set.</summary>
    public int Ways { get; }

    /// <summary>Which entry gives way.</summary>
    public ReplacementPolicy Policy { get; }

    /// <summary>What fills it.</summary>
    public FillPolicy Fill { get; init; }

    /// <summary>
    /// Page sizes that an entry can have, as a mask of bits log2(bytes). A larger translation is held in pieces of the largest
    /// size in the mask that does not exceed it. Bit 12 is always set.
    /// </summary>
    public ulong PageSizes { get; init => field = value | (1UL << 12); } = AllPageSizes;

    /// <summary>Whether one entry holds a whole run of descriptors with the contiguous bit (where the run's size is in <see cref="PageSizes"/>).</summary>
    public bool HoldsContiguousRuns { get; init; } = true;

    /// <summary>
    /// Hardware page aggregation: log2 of how many adjacent pages, aligned, contiguous and with equal attributes, one entry may hold
    /// without the contiguous bit; 0 (none), 1 or 2.
    /// </summary>
    public int AggregationLog2 { get; init; }

    /// <summary>Cycles that a lookup in this level adds to a translation.</summary>
    public int LookupCycles { get; init; }

    /// <summary>Number of sets: entries / ways.</summary>
    public int Sets => Entries / Ways;

    /// <summary>Whether any entry can hold any page.</summary>
    public bool IsFullyAssociative => Ways == Entries;

    /// <summary>The name that reports use: <c>l1d</c>, <c>l1i</c>, <c>l2</c>.</summary>
    public string Name => string.Create(CultureInfo.InvariantCulture, $"l{Level}{Sides switch { TlbSides.Fetch => "i", TlbSides.Data => "d", _ => "" }}");

    /// <summary>The level as the command line writes it: <c>l2=1280:5</c>.</summary>
    public override string ToString()
    {
        string ways = IsFullyAssociative ? "full" : Ways.ToString(CultureInfo.InvariantCulture);
        string policy = Policy switch
        {
            ReplacementPolicy.Plru => ":plru",
            ReplacementPolicy.Fifo => ":fifo",
            ReplacementPolicy.Random => ":random",
            _ => "",
        };
        return string.Create(CultureInfo.InvariantCulture, $"{Name}={Entries}:{ways}{policy}{(Fill == FillPolicy.MostlyExclusive ? ":excl" : "")}");
    }

    /// <summary>What is wrong with a combination of numbers, or null.</summary>
    internal static string? Check(int level, TlbSides sides, int entries, int ways) =>
        level is < 1 or > 9 ? $"level {level} is not 1 to 9"
        : (sides & TlbSides.Both) == 0 || (sides & ~TlbSides.Both) != 0 ? "a level serves fetches, data or both"
        : entries is < 1 or > EntriesMax ? $"{entries} entries are not 1 to {EntriesMax}"
        : ways < 1 || ways > entries ? $"{ways} ways do not fit into {entries} entries"
        : entries % ways != 0 ? $"{entries} entries are not a multiple of {ways} ways"
        : ways == entries && ways > FullyAssociativeEntriesMax ? $"{entries} entries cannot be fully associative (at most {FullyAssociativeEntriesMax})"
        : ways != entries && ways > WaysMax ? $"{ways} ways are more than {WaysMax}"
        : null;
}
