// One file in the page cache: Linux's struct address_space.
//
// A page is cached when the file's index leads to its folio. The cache holds one reference for each page of the folio;
// each page-table entry holds another; the frames go back to the allocator when the last reference goes.
// A folio's first descriptor carries the file's number, the page index, and the flags: up to date, dirty, under
// write-back, readahead mark, swap-backed (shmem). Dirty and write-back stand as marks in the index as well.
//
// Input and output take no time here: a page that is read is up to date when the call returns.
// A file is used by one thread at a time: whoever shares it between CPUs holds Gate.

using Engine.Core.Arena;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <summary>The cached pages of one file (<c>struct address_space</c>).</summary>
public sealed partial class FileMapping
{
    /// <summary>Shift of the file's number in <see cref="Frame.Mapping"/>; the bits below tell anonymous memory from files (<c>PAGE_MAPPING_FLAGS</c>).</summary>
    public const int TagShift = 2;

    internal const ulong TagMask = (1UL << TagShift) - 1;

    /// <summary>The largest number of pages in a file: 2^51.</summary>
    private const ulong PageIndexMax = ulong.MaxValue >> (Pfn.PageShift + 1);

    private const int BrokenEntriesMax = 4096;

    private readonly FileCache cache;
    private readonly FrameTable frames;
    private readonly PhysicalMemory memory;
    private readonly PageIndex index;

    internal FileMapping(FileCache cache, uint id, IBackingStore backing, PhysAddr record, FileMappingOptions options)
    {
        this.cache = cache;
        frames = cache.Frames;
        memory = cache.Memory;
        Id = id;
        Backing = backing;
        Options = options;
        RecordAddress = record;
        index = new PageIndex(memory, cache.Nodes, cache.Log, record);
        Record.MappingId = id;
        Record.LengthBytes = backing.LengthBytes;
    }

    /// <summary>The file's number in its cache, from 1.</summary>
    public uint Id { get; }

    /// <summary>What holds the file's bytes.</summary>
    public IBackingStore Backing { get; }

    /// <summary>What the file system and the device allow.</summary>
    public FileMappingOptions Options { get; }

    /// <summary>Held by whoever uses a file that several CPUs share.</summary>
    public Lock Gate { get; } = new();

    /// <summary>What <see cref="Frame.Mapping"/> holds in the first descriptor of the file's folios.</summary>
    public ulong Tag => (ulong)Id << TagShift;

    /// <summary>Bytes in the file (<c>i_size</c>).</summary>
    public ulong LengthBytes => Record.LengthBytes;

    /// <summary>Pages in the file, the last one perhaps in part.</summary>
    public ulong LengthPages => PagesFor(Record.LengthBytes);

    /// <summary>Pages in the cache (<c>nrpages</c>).</summary>
    public ulong CachedPages => Record.CachedPages;

    /// <summary>Dirty pages in the cache, waiting to be written back; none for shmem.</summary>
    public ulong DirtyPages => Record.DirtyPages;

    /// <summary>Whether the pages are shmem's.</summary>
    public bool IsShmem => !Backing.IsPersistent;

    internal PhysAddr RecordAddress { get; }

    private ref AddressSpaceRecord Record => ref memory.GetRef<AddressSpaceRecord>(RecordAddress);

    /// <summary>Finds a page in the cache (<c>filemap_get_folio</c>). No reference is taken, no readahead is triggered.</summary>
    /// <param name="pageIndex">Place in the file, in pages.</param>
    /// <param name="page">The frame that holds this page: within a large folio, not always its first.</param>
    public bool TryFind(ulong pageIndex, out Pfn page)
    {
        if (!TryFindFolio(pageIndex, out Pfn head))
        {
            page = Pfn.None;
            return false;
        }

        page = head + (uint)(pageIndex - frames[head].Index);
        return true;
    }

    /// <summary>Finds the folio that covers a page.</summary>
    /// <param name="pageIndex">Place in the file, in pages.</param>
    /// <param name="folio">The folio; meaningless where there is none.</param>
    public bool TryFindFolio(ulong pageIndex, out CachedFolio folio)
    {
        if (!TryFindFolio(pageIndex, out Pfn head))
        {
            folio = default;
            return false;
        }

        ref Frame frame = ref frames[head];
        folio = new CachedFolio(
            head,
            frame.Index,
            new Order(cache.OrderOf(head)),
            (frame.Flags & PageFlag.Uptodate) != 0,
            (frame.Flags & PageFlag.Dirty) != 0,
            (frame.Flags & PageFlag.Readahead) != 0);
        return true;
    }

    /// <summary>Whether a page is cached and up to date, in the swap cache for shared memory that is in swap space: what <c>mincore</c> reports.</summary>
    public bool IsCached(ulong pageIndex) =>
        (TryFindFolio(pageIndex, out Pfn head) && (frames[head].Flags & PageFlag.Uptodate) != 0) || IsSwapCached(pageIndex);

    /// <summary>Whether a page is cached and dirty.</summary>
    public bool IsDirty(ulong pageIndex) => TryFindFolio(pageIndex, out Pfn head) && (frames[head].Flags & PageFlag.Dirty) != 0;

    /// <summary>Marks a cached page's folio as changed (<c>filemap_dirty_folio</c>).</summary>
    /// <returns>False where the page is not cached.</returns>
    public bool SetDirty(ulong pageIndex)
    {
        if (!TryFindFolio(pageIndex, out Pfn head))
        {
            return false;
        }

        frames[head].Flags &= ~PageFlag.Readahead; // the bit is PG_reclaim as well, which folio_mark_dirty clears
        MarkDirty(head);
        return true;
    }

    private void MarkDirty(Pfn head)
    {
        ref Frame frame = ref frames[head];
        if ((frame.Flags & PageFlag.Dirty) != 0)
        {
            return;
        }

        frame.Flags |= PageFlag.Dirty;
        if (!IsShmem)
        {
            index.SetMark(frame.Index, PageMark.Dirty);
        }

        CountDirty(1L << cache.OrderOf(head));
    }

    // Shmem's dirty pages are nobody's to write back, and are not counted.
    private void CountDirty(long pages)
    {
        if (!IsShmem)
        {
            Record.DirtyPages = unchecked(Record.DirtyPages + (ulong)pages);
        }
    }

    private static ulong PagesFor(ulong lengthBytes) =>
        (lengthBytes >> Pfn.PageShift) + ((lengthBytes & (Pfn.PageSizeBytes - 1)) != 0 ? 1UL : 0);

    // The folio that covers a page; what the index and the descriptor say must agree.
    private bool TryFindFolio(ulong pageIndex, out Pfn head)
    {
        ulong entry = index.Load(pageIndex);
        head = Pfn.None;
        return RadixEntry.IsFolio(entry) && TryDecode(entry, pageIndex, out head);
    }

    private bool TryDecode(ulong entry, ulong pageIndex, out Pfn head)
    {
        head = Pfn.None;
        ulong offset = unchecked(entry - frames.Region.Start.Value);
        if (offset >= (ulong)frames.Count * Frame.SizeBytes || offset % Frame.SizeBytes != 0)
        {
            cache.Log.Report(new Corruption(CorruptionCategory.PageCache, "entry is no descriptor", RecordAddress, 0, entry));
            return false;
        }

        Pfn found = frames.First + (uint)(offset / Frame.SizeBytes);
        ref Frame frame = ref frames[found];
        if (frame.Mapping != Tag || unchecked(pageIndex - frame.Index) >= 1UL << cache.OrderOf(found))
        {
            cache.Log.Report(new Corruption(CorruptionCategory.PageCache, "folio of another place", found.Address, pageIndex, frame.Index));
            return false;
        }

        head = found;
        return true;
    }

    // The first folio that covers or follows a page, up to another; the page moves to where it was found. Entries that lead
    // nowhere are reported and passed over; after some thousands of them the search ends: an intact index has none.
    private bool TryNextFolio(ref ulong at, ulong last, PageMark? mark, out Pfn head)
    {
        int broken = 0;
        while (broken < BrokenEntriesMax && index.TryFindNext(ref at, Math.Min(last, PageIndexMax), mark, out ulong entry))
        {
            if (TryDecode(entry, at, out head))
            {
                return true;
            }

            at++;
            broken++;
        }

        head = Pfn.None;
        return false;
    }

    private ulong EntryOf(Pfn head) => frames.Region.Start.Value + ((ulong)(head - frames.First) * Frame.SizeBytes);
}
