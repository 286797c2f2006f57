// Nearly every access falls on a page that has been seen with the same kind before. A small direct-mapped table of
// (page, kind) pairs answers that with one load and one compare; only what it does not know goes to the dictionary.
// The table forgets, the dictionary does not: what the table says is known is known.
//
// A record is stamped with (block, record in block); where blocks begin is known only when all have been counted.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Mmsim.Traces;

/// <summary>Finds out which pages are touched, and how. One thread's part; <see cref="Combine"/> puts the parts together.</summary>
internal sealed class PageUseCounter
{
    private const int KnownEntries = 1024;
    private const int BlockShift = 24;
    private const ulong NothingKnown = ulong.MaxValue;

    private readonly ulong[] known = new ulong[KnownEntries];
    private readonly Dictionary<long, Stamps> pages = [];

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
        Dictionary<long, Stamps> all = [];
        foreach ((long page, Stamps stamps) in parts.SelectMany(part => part.pages))
        {
            ref Stamps entry = ref CollectionsMarshal.GetValueRefOrAddDefault(all, page, out bool isThere);
            entry = isThere ? Stamps.Earliest(entry, stamps) : stamps;
        }

        PageUseEntry[] entries = [.. all.Select(pair => EntryOf(pair.Key, pair.Value, blockStarts)).Where(entry => entry.FirstTouch != PageUseEntry.Never)];
        Array.Sort(entries, (left, right) => left.Page.CompareTo(right.Page));
        return new PageUse(entries);
    }

    private static PageUseEntry EntryOf(long page, Stamps stamps, IReadOnlyList<long> blockStarts) => new(
        new VirtAddr(unchecked((ulong)page << AccessWord.PageShift)),
        RecordOf(stamps.Fetch, blockStarts),
        RecordOf(stamps.Read, blockStarts),
        RecordOf(stamps.Write, blockStarts));

    private static long RecordOf(long stamp, IReadOnlyList<long> blockStarts) =>
        stamp >> BlockShift >= blockStarts.Count ? PageUseEntry.Never : blockStarts[(int)(stamp >> BlockShift)] + (stamp & ((1 << BlockShift) - 1));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AddUnknown(ulong word, ulong key, long stamp)
    {
        known[key & (KnownEntries - 1)] = key;
        ref Stamps entry = ref CollectionsMarshal.GetValueRefOrAddDefault(pages, (long)word >> AccessWord.WordPageShift, out bool isThere);
        Stamps now = Stamps.Of((AccessKind)(word & AccessWord.KindMask), stamp);
        entry = isThere ? Stamps.Earliest(entry, now) : now;
    }

    private readonly record struct Stamps(long Fetch, long Read, long Write)
    {
        public static Stamps Of(AccessKind kind, long stamp) => new(
            kind == AccessKind.Fetch ? stamp : PageUseEntry.Never,
            kind is AccessKind.Load or AccessKind.Modify ? stamp : PageUseEntry.Never,
            kind is AccessKind.Store or AccessKind.Modify ? stamp : PageUseEntry.Never);

        public static Stamps Earliest(Stamps left, Stamps right) =>
            new(Math.Min(left.Fetch, right.Fetch), Math.Min(left.Read, right.Read), Math.Min(left.Write, right.Write));
    }
}
