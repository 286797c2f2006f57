namespace Engine.PropertyTests.MmsimTests;

/// <summary>A set-associative TLB level with exact LRU, as a list in order of recency for each set: the model that is obviously right.</summary>
internal sealed class NaiveLru
{
    private readonly List<long>[] sets;
    private readonly int ways;

    public NaiveLru(int sets, int ways)
    {
        this.sets = [.. Enumerable.Range(0, sets).Select(_ => new List<long>())];
        this.ways = ways;
    }

    public long Lookups { get; private set; }

    public long Misses { get; private set; }

    /// <summary>Looks a page up, and fills it in on a miss.</summary>
    public bool Touch(long page)
    {
        List<long> set = sets[page % sets.Length];
        Lookups++;
        bool isHit = set.Remove(page);
        Misses += isHit ? 0 : 1;
        if (set.Count == ways)
        {
            set.RemoveAt(set.Count - 1);
        }

        set.Insert(0, page);
        return isHit;
    }
}
