using System.Globalization;

namespace Engine.PropertyTests.Kmem;

/// <summary>What a trace's allocations and frees mean, told with one dictionary entry a page.</summary>
internal sealed class NaiveKmem
{
    private readonly Dictionary<uint, int> live = [];
    private readonly Dictionary<uint, uint> owner = [];

    /// <summary>The planted bug: a batched free frees once more.</summary>
    public bool FreesBatchedTwice { get; init; }

    public long Matched { get; private set; }

    public long Unknown { get; private set; }

    public long UnknownPages { get; private set; }

    public long Differing { get; private set; }

    public long Reallocated { get; private set; }

    public ulong LivePages => (ulong)owner.Count;

    public ulong Peak { get; private set; }

    public void Alloc(uint pfn, int order)
    {
        for (uint page = pfn; page < pfn + (1u << order); page++)
        {
            if (owner.TryGetValue(page, out uint first))
            {
                Reallocated++;
                Drop(first);
            }
        }

        live[pfn] = order;
        for (uint page = pfn; page < pfn + (1u << order); page++)
        {
            owner[page] = pfn;
        }

        Peak = Math.Max(Peak, LivePages);
    }

    public void FreeBatched(uint pfn)
    {
        if (FreesBatchedTwice)
        {
            Free(pfn, 0);
        }
    }

    public void Free(uint pfn, int order)
    {
        if (live.TryGetValue(pfn, out int whole) && whole == order)
        {
            Matched++;
            Drop(pfn);
            return;
        }

        uint[] hits = [.. Pages(pfn, order).Where(owner.ContainsKey).Select(page => owner[page]).Distinct()];
        if (hits.Length == 0)
        {
            Unknown++;
            UnknownPages += 1L << order;
            return;
        }

        Differing++;
        foreach (uint hit in hits)
        {
            int hitOrder = live[hit];
            Drop(hit);
            foreach (uint page in Pages(hit, hitOrder).Where(page => page < pfn || page >= pfn + (1u << order)))
            {
                live[page] = 0;
                owner[page] = page;
            }
        }
    }

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"matched {Matched} unknown {Unknown} ({UnknownPages}) differing {Differing} again {Reallocated} live {LivePages} peak {Peak}");

    private static IEnumerable<uint> Pages(uint pfn, int order) => Enumerable.Range(0, 1 << order).Select(i => pfn + (uint)i);

    private void Drop(uint first)
    {
        _ = live.Remove(first, out int order);
        foreach (uint page in Pages(first, order))
        {
            owner.Remove(page);
        }
    }
}
