namespace Mmsim.Replay;

/// <summary>A set of page numbers that only grows, kept as sorted ranges that neither touch nor overlap.</summary>
internal sealed class PageRangeSet
{
    private readonly List<(ulong Start, ulong End)> ranges = [];

    /// <summary>Pages in the set.</summary>
    public ulong Count => ranges.Aggregate(0UL, (sum, range) => sum + (range.End - range.Start));

    /// <summary>The ranges, ascending; their ends are not included.</summary>
    public IReadOnlyList<(ulong Start, ulong End)> Ranges => ranges;

    /// <summary>Whether a page is in the set.</summary>
    public bool Contains(ulong page)
    {
        int index = FirstEndingAfter(page);
        return index < ranges.Count && ranges[index].Start <= page;
    }

    /// <summary>Adds the pages from <paramref name="start"/> to <paramref name="end"/>, which is not included.</summary>
    public void Add(ulong start, ulong end)
    {
        if (start >= end)
        {
            return;
        }

        // All ranges that touch the new one melt into it.
        int first = start == 0 ? 0 : FirstEndingAfter(start - 1);
        int last = first;
        while (last < ranges.Count && ranges[last].Start <= end)
        {
            start = Math.Min(start, ranges[last].Start);
            end = Math.Max(end, ranges[last].End);
            last++;
        }

        ranges.RemoveRange(first, last - first);
        ranges.Insert(first, (start, end));
    }

    /// <summary>The parts of a range that are not in the set, ascending.</summary>
    public IEnumerable<(ulong Start, ulong End)> Gaps(ulong start, ulong end)
    {
        for (int index = FirstEndingAfter(start); index < ranges.Count && start < end && ranges[index].Start < end; index++)
        {
            if (ranges[index].Start > start)
            {
                yield return (start, ranges[index].Start);
            }

            start = ranges[index].End;
        }

        if (start < end)
        {
            yield return (start, end);
        }
    }

    private int FirstEndingAfter(ulong page)
    {
        int low = 0;
        int high = ranges.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (ranges[middle].End > page)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low;
    }
}
