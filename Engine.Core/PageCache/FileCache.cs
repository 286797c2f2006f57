// The page cache of a machine: what all files share. The indexes, the files' records and the pages live in the arena;
// this object holds the way to them, and what users attached.

using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Slab;
using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <summary>The page cache (mm/filemap.c): all files of a machine whose pages may be in memory.</summary>
public sealed class FileCache
{
    private readonly List<FileMapping?> mappings = [null];
    private readonly SlabCache records;

    /// <summary>Creates an empty cache.</summary>
    /// <param name="pages">Where frames come from.</param>
    /// <param name="options">Null for Linux 6.9's rules.</param>
    public FileCache(PageAllocator pages, FileCacheOptions? options = null)
    {
        Pages = pages;
        Options = options ?? new FileCacheOptions();
        Nodes = new SlabCache(pages, "radix_tree_node", RadixNode.SizeBytes);
        records = new SlabCache(pages, "address_space", AddressSpaceRecord.SizeBytes, 64);
    }

    /// <summary>Where frames come from.</summary>
    public PageAllocator Pages { get; }

    /// <summary>As given at creation.</summary>
    public FileCacheOptions Options { get; }

    /// <summary>The slab of index nodes, 576 bytes each.</summary>
    public SlabCache Nodes { get; }

    /// <summary>What unmaps and cleans file pages in page tables; null where nothing maps files.</summary>
    public IFileReverseMap? ReverseMap { get; set; }

    /// <summary>Where shared memory is swapped to; null where nothing is.</summary>
    public Swap.SwapSpace? Swap { get; set; }

    /// <summary>Which folio sizes shared memory may have when it is written; null for single pages.</summary>
    public IShmemFolioPolicy? ShmemPolicy { get; set; }

    /// <summary>
    /// Called after a folio was added: the file, the folio's first page in the file, its order
    /// (the tracepoint <c>mm_filemap_add_to_page_cache</c>).
    /// </summary>
    public Action<FileMapping, ulong, Order>? FolioAdded { get; set; }

    /// <summary>All open files.</summary>
    public IEnumerable<FileMapping> Mappings => mappings.OfType<FileMapping>();

    /// <summary>Dirty pages of files that have a backing (<c>NR_FILE_DIRTY</c>).</summary>
    public ulong DirtyPages => Mappings.Aggregate(0UL, (sum, mapping) => sum + mapping.DirtyPages);

    /// <summary>Pages of shmem (<c>NR_SHMEM</c>).</summary>
    public ulong ShmemPages => Mappings.Where(mapping => mapping.IsShmem).Aggregate(0UL, (sum, mapping) => sum + mapping.CachedPages);

    /// <summary>Pages in the cache, shmem's among them (<c>NR_FILE_PAGES</c>).</summary>
    public ulong CachedPages => Mappings.Aggregate(0UL, (sum, mapping) => sum + mapping.CachedPages);

    internal FrameTable Frames => Pages.Frames;

    internal PhysicalMemory Memory => Pages.Memory;

    internal CorruptionLog Log => Pages.Log;

    /// <summary>Opens a file: from now on its pages can be cached.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="backing">What holds its bytes.</param>
    /// <param name="options">What its file system and device allow; null for single pages.</param>
    /// <returns>Null where no memory could be had.</returns>
    public FileMapping? Open(CpuId cpu, IBackingStore backing, FileMappingOptions? options = null)
    {
        if (!records.TryAllocate(cpu, GfpFlags.Kernel | GfpFlags.Zero, out PhysAddr record))
        {
            return null;
        }

        FileMapping mapping = new(this, (uint)mappings.Count, backing, record, options ?? new FileMappingOptions());
        mappings.Add(mapping);
        return mapping;
    }

    /// <summary>Forgets a file: its pages leave the cache unwritten (<c>evict_inode</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="mapping">A file of this cache, mapped nowhere any more.</param>
    public void Close(CpuId cpu, FileMapping mapping)
    {
        if (mappings[(int)mapping.Id] != mapping)
        {
            throw new ArgumentException($"file {mapping.Id} is closed", nameof(mapping));
        }

        mapping.DropAll(cpu);
        mappings[(int)mapping.Id] = null;
        records.Free(cpu, mapping.RecordAddress);
    }

    /// <summary>The file that a frame caches a page of, as its descriptor says.</summary>
    /// <returns>Null where the frame is no page of an open file.</returns>
    public FileMapping? MappingOf(Pfn page)
    {
        if (!Pages.Frames.IsValid(page))
        {
            return null;
        }

        ulong tag = Pages.Frames[HeadOf(page)].Mapping;
        ulong id = tag >> FileMapping.TagShift;
        return (tag & FileMapping.TagMask) == 0 && id != 0 && id < (ulong)mappings.Count ? mappings[(int)id] : null;
    }

    /// <summary>The first frame of the folio that a frame belongs to (<c>page_folio</c>).</summary>
    public Pfn HeadOf(Pfn page)
    {
        ulong link = Pages.Frames[page].Previous;
        Pfn head = new(unchecked((uint)(link >> 1)));
        return (link & 1) != 0 && link >> 1 < page.Value && Pages.Frames.IsValid(head) ? head : page;
    }

    /// <summary>The order of a folio (<c>folio_order</c>).</summary>
    /// <param name="head">Its first frame.</param>
    public int OrderOf(Pfn head)
    {
        if ((Pages.Frames[head].Flags & PageFlag.Head) == 0)
        {
            return 0;
        }

        Pfn tail = head + 1;
        int order = Pages.Frames.IsValid(tail) ? (int)(Pages.Frames[tail].Flags & PageFlag.OrderMask) : 0;
        if (order is > 0 and <= Order.MaxValue && Pages.Frames.IsValid(head + ((1u << order) - 1)))
        {
            return order;
        }

        Log.Report(new Corruption(CorruptionCategory.BadPageState, "order of a folio", head.Address, Order.MaxValue, (ulong)order));
        return 0;
    }

    /// <summary>Takes references to a folio (<c>folio_ref_add</c>).</summary>
    public void Get(Pfn page, int count = 1)
    {
        ref Frame frame = ref Pages.Frames[HeadOf(page)];
        frame.RefCount = unchecked(frame.RefCount + count);
    }

    /// <summary>Gives references to a folio back; the last one frees its frames (<c>folio_put_refs</c>).</summary>
    public void Put(CpuId cpu, Pfn page, int count = 1)
    {
        Pfn head = HeadOf(page);
        ref Frame frame = ref Pages.Frames[head];
        int left = unchecked(frame.RefCount - count);
        if (left < 0)
        {
            Log.Report(new Corruption(CorruptionCategory.BadPageState, "nonzero _refcount", head.Address, (ulong)count, unchecked((ulong)frame.RefCount)));
            return;
        }

        frame.RefCount = left;
        if (left == 0)
        {
            FreeFolio(cpu, head);
        }
    }

    /// <summary>Checks all files, and that every descriptor which says that it caches a page is found in that file's index.</summary>
    /// <returns>What is wrong; empty where all is well.</returns>
    public IReadOnlyList<Corruption> Verify()
    {
        Pages.Lru.DrainAll();
        List<Corruption> findings = [];
        foreach (FileMapping mapping in Mappings)
        {
            findings.AddRange(mapping.Verify(out _));
        }

        for (uint i = 0; i < Frames.Count; i++)
        {
            Pfn pfn = Frames.First + i;
            if (!Frames.IsValid(pfn) || Frames[pfn].RefCount == 0 || (Frames[pfn].Flags & PageFlag.Lru) == 0)
            {
                continue;
            }

            if (MappingOf(pfn) is { } owner && !(owner.TryFind(Frames[pfn].Index, out Pfn found) && found == pfn))
            {
                findings.Add(new Corruption(CorruptionCategory.PageCache, "folio that its file does not know", pfn.Address, 0, Frames[pfn].Index));
            }
        }

        return findings;
    }

    // Clears what the allocator does not expect of a freed block, and gives it back.
    private void FreeFolio(CpuId cpu, Pfn head)
    {
        int order = OrderOf(head);
        if (Pages.Frames[head].MapCount != 0 || Pages.Frames[head].Mapping != 0)
        {
            Log.Report(new Corruption(CorruptionCategory.BadPageState, "non-NULL mapping", head.Address, 0, Pages.Frames[head].Mapping));
        }

        // The tails stay as they are: the allocator dissolves the compound block, and checks them.
        ref Frame frame = ref Pages.Frames[head];
        Pages.Lru.Forget(head, ref frame);
        Pages.Lru.Cgroups?.Uncharge(ref frame, 1UL << order);
        frame.Flags = order > 0 ? PageFlag.Head : 0;
        frame.Mapping = 0;
        frame.MapCount = 0;
        frame.Previous = 0;
        Pages.Free(cpu, head, new Order(order));
    }
}
