namespace Engine.Arm64.Tlb;

public sealed unsafe partial class TranslationUnit<TWalker, TObserver>
{
    // Walks by first and last level: index (first + 1) * 5 + last + 1.
    private readonly ulong[] walksByLevels = GC.AllocateArray<ulong>(WalkResult.LevelCount * WalkResult.LevelCount, pinned: true);

    /// <summary>What each TLB level has seen, by level number.</summary>
    public IReadOnlyList<TlbLevelStatistics> Statistics
    {
        get
        {
            CountSingles();
            return path.Statistics;
        }
    }

    /// <summary>What each walk cache has seen, in the geometry's order.</summary>
    public IReadOnlyList<TlbLevelStatistics> WalkCacheStatistics =>
        [.. path.WalkCaches.Select((cache, i) => new TlbLevelStatistics($"walk{i}", cache.Lookups, cache.Lookups - cache.Misses, cache.Misses))];

    /// <summary>What the cache of stage 2 translations has seen; null where there is none.</summary>
    public TlbLevelStatistics? IpaCacheStatistics => nested?.Ipas?.Statistics;

    /// <summary>Walks, those that faulted included.</summary>
    public ulong WalkCount => Sum((_, _) => 1);

    /// <summary>Descriptors read by all walks, of both stages.</summary>
    public ulong DescriptorReadCount => Sum((first, last) => (ulong)Math.Max(0, last - first + 1)) + Stage2DescriptorReadCount;

    /// <summary>Of these, stage 2's: for the output of stage 1 and for the addresses of its descriptors.</summary>
    public ulong Stage2DescriptorReadCount => nested?.ReadsByLevel.Aggregate(0UL, (sum, reads) => sum + reads) ?? 0;

    /// <summary>Cycles spent on translation, by the geometry's costs.</summary>
    public ulong Cycles
    {
        get
        {
            CountSingles();
            TranslationCosts costs = Geometry.Costs;
            ulong beyondFirst = path.Levels.Aggregate(0UL, (sum, level) => sum + (level.Geometry.Level > 1 ? level.Lookups : 0));
            ulong walkCacheLookups = path.WalkCaches.Aggregate(0UL, (sum, cache) => sum + cache.Lookups) + (IpaCacheStatistics?.Lookups ?? 0);
            return (beyondFirst * (ulong)costs.LookupCycles)
                + (walkCacheLookups * (ulong)costs.WalkCacheCycles)
                + (DescriptorReadCount * (ulong)costs.DescriptorReadCycles);
        }
    }

    /// <summary>Stage 2's descriptors of one level read by all walks.</summary>
    /// <param name="level">-1..3.</param>
    public ulong Stage2DescriptorReadsAt(int level) => nested?.ReadsByLevel[level + 1] ?? 0;

    /// <summary>Stage 1's descriptors of one level read by all walks.</summary>
    /// <param name="level">-1..3.</param>
    public ulong DescriptorReadsAt(int level) => Sum((first, last) => first <= level && level <= last ? 1u : 0u);

    private ulong Sum(Func<int, int, ulong> weight)
    {
        ulong sum = 0;
        for (int i = 0; i < walksByLevels.Length; i++)
        {
            sum += walksByLevels[i] * weight((i / WalkResult.LevelCount) - 1, (i % WalkResult.LevelCount) - 1);
        }

        return sum;
    }

    private void CountSingles()
    {
        CountQuick();
        ulong* singles = (ulong*)lasts + 2;
        fetchFirst.Lookups += singles[0];
        dataFirst.Lookups += singles[1];
        singles[0] = 0;
        singles[1] = 0;
    }
}
