// Nearly every access falls on a page that has been seen with the same kind before. A small direct-mapped table of
// (page, kind) pairs answers that with one load and one compare. What it does not know goes to the page's region (512 pages:
// a byte each says which kinds were seen, so that a program that roams over 64 MiB needs 16 KiB of them); only what is new
// there is written down. Both tables forget nothing that is true: what they say is known is known.
//
// A record is stamped with (block, record in block); where blocks begin is known only when all have been counted.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Mmsim.Traces.Pages;

/// <summary>Finds out which pages are touched, and how. One thread's part; <see cref="Combine"/> puts the parts together.</summary>
internal sealed class PageUseCounter
{
    private const int KnownEntries = 1024;
    private const int RecentRegions = 64;
    private const int BlockShift = 24;
    private const ulong NothingKnown = ulong.MaxValue;

    private readonly ulong[] known = new ulong[KnownEntries];
    private readonly PageUseRegion?[] recent = new PageUseRegion?[RecentRegions];
    private readonly Dictionary<long, PageUseRegion> regions = [];

    public PageUseCounter() => Array.Fill(known, NothingKnown);

    /// <summary>Adds a block's records. Blocks come in ascending order, though other counters may get those between.</summary>
    public void Add(ReadOnlySpan<ulong> words, int block)
    {
        ref ulong table = ref MemoryMarshal.GetArrayDataReference(known);
        for (int i = 0; i < words.Length; i++)
        {
            // The page with the kind below it: the address bits within the page and the size are cut out.
            ulong word = words[i];
            ulong key = ((word >> (AccessWord.WordPageShift - 2)) & ~AccessWord.KindMask) | (word & AccessWord.KindMask);

            // SAFETY: the index is masked to the table's length.
            if (Unsafe.Add(ref table, (nint)(key & (KnownEntries - 1))) != key)
            {
                AddUnknown(word, key, ((long)block << BlockShift) | (uint)i);
            }
        }
    }

    /// <summary>Puts the parts of all threads together.</summary>
    /// <param name="parts">The counters.</param>
    /// <param name="blockStarts">Index of each block's first record; blocks beyond the list do not count.</param>
    public static PageUse Combine(IEnumerable<PageUseCounter> parts, IReadOnlyList<long> blockStarts)
    {
        Dictionary<long, PageUseStamps> all = [];
        foreach ((long page, PageUseStamps stamps) in parts.SelectMany(part => part.regions.Values).SelectMany(region => region.Touched))
        {
            ref PageUseStamps entry = ref CollectionsMarshal.GetValueRefOrAddDefault(all, page, out bool isThere);
            entry = isThere ? PageUseStamps.Earliest(entry, stamps) : stamps;
        }

        PageUseEntry[] entries = [.. all.Select(pair => EntryOf(pair.Key, pair.Value, blockStarts)).Where(entry => entry.FirstTouch != PageUseEntry.Never)];
        Array.Sort(entries, (left, right) => left.Page.CompareTo(right.Page));
        return new PageUse(entries);
    }

    private static PageUseEntry EntryOf(long page, PageUseStamps stamps, IReadOnlyList<long> blockStarts) => new(
        new VirtAddr(unchecked((ulong)page << AccessWord.PageShift)),
        RecordOf(stamps.Fetch, blockStarts),
        RecordOf(stamps.Read, blockStarts),
        RecordOf(stamps.Write, blockStarts));

    private static long RecordOf(long stamp, IReadOnlyList<long> blockStarts) =>
        stamp >> BlockShift >= blockStarts.Count ? PageUseEntry.Never : blockStarts[(int)(stamp >> BlockShift)] + (stamp & ((1 << BlockShift) - 1));

    /// <summary>Notes a record, and numbers its page among those of its block.</summary>
    /// <param name="word">The packed access.</param>
    /// <param name="block">The block.</param>
    /// <param name="record">The record in the block.</param>
    /// <param name="blockPages">The block's pages by number, as packed accesses to their first bytes; appended to if the page is new to the block.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public int Number(ulong word, int block, int record, List<ulong> blockPages)
    {
        long page = unchecked((long)word) >> AccessWord.WordPageShift;
        PageUseRegion region = RegionOf(page);
        int index = (int)(page & (PageUseRegion.Pages - 1));
        region.Add(index, (AccessKind)(word & AccessWord.KindMask), ((long)block << BlockShift) | (uint)record);
        if (!region.TryGetNumber(index, block, out int number))
        {
            number = blockPages.Count;
            blockPages.Add((word >> AccessWord.WordPageShift) << AccessWord.WordPageShift);
            region.SetNumber(index, block, number);
        }

        return number;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AddUnknown(ulong word, ulong key, long stamp)
    {
        known[key & (KnownEntries - 1)] = key;
        long page = unchecked((long)word) >> AccessWord.WordPageShift;
        RegionOf(page).Add((int)(page & (PageUseRegion.Pages - 1)), (AccessKind)(word & AccessWord.KindMask), stamp);
    }

    private PageUseRegion RegionOf(long page)
    {
        long number = page >> PageUseRegion.PagesLog2;
        PageUseRegion? region = recent[number & (RecentRegions - 1)];
        return region is not null && region.Number == number ? region : FindRegion(number);
    }

    private PageUseRegion FindRegion(long number)
    {
        if (!regions.TryGetValue(number, out PageUseRegion? region))
        {
            region = new PageUseRegion(number);
            regions.Add(number, region);
        }

        recent[number & (RecentRegions - 1)] = region;
        return region;
    }
}
