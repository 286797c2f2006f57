// Swap space (mm/swapfile.c, mm/swap_state.c): areas, slots, and the swap cache.
//
// An anonymous page that is written out gets a slot and joins the swap cache: the slot leads to the frame, the frame's Private
// word to the slot, and the cache holds one reference. Each page-table entry that is replaced by a swap entry counts in the
// slot. When the content is out and nothing maps the frame, it leaves the cache and is freed. On the way back the frame joins
// the cache first where others refer to the slot too. A slot is free when its count is zero and no frame caches it.
//
// Entries come from page tables and descriptors, so they may be garbage: one that names no slot in use is reported.

using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.Swap;

/// <summary>The swap space of a machine.</summary>
public sealed class SwapSpace
{
    private readonly PageAllocator pages;
    private readonly FrameTable frames;
    private readonly PhysicalMemory memory;
    private readonly List<SwapArea> areas = [];
    private readonly Lock gate = new();

    /// <summary>Makes swap space without an area.</summary>
    /// <param name="pages">Where the maps' frames come from.</param>
    public SwapSpace(PageAllocator pages)
    {
        this.pages = pages;
        frames = pages.Frames;
        memory = pages.Memory;
    }

    /// <summary>The areas, in the order in which they are used.</summary>
    public IReadOnlyList<SwapArea> Areas => areas;

    /// <summary>Slots of all areas (<c>total_swap_pages</c>).</summary>
    public ulong TotalPages { get; private set; }

    /// <summary>Slots that are free (<c>nr_swap_pages</c>).</summary>
    public ulong FreePages { get; private set; }

    /// <summary>Frames in the swap cache (<c>NR_SWAPCACHED</c>).</summary>
    public ulong CachedPages { get; private set; }

    /// <summary>Pages read (<c>pswpin</c>).</summary>
    public ulong ReadCount { get; private set; }

    /// <summary>Pages written (<c>pswpout</c>).</summary>
    public ulong WrittenCount { get; private set; }

    /// <summary>Whether more than half of the space is in use (<c>vm_swap_full</c>): then slots are not kept for pages that are in memory.</summary>
    public bool IsFull => FreePages * 2 < TotalPages;

    /// <summary>Adds an area (<c>swapon</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="name">As <c>/proc/swaps</c> prints it.</param>
    /// <param name="store">What holds the content.</param>
    /// <returns>Null where no memory could be had for the map, or there are 32 areas.</returns>
    /// <exception cref="ArgumentException">The store has less than two slots, or more than an entry can name.</exception>
    public SwapArea? SwapOn(CpuId cpu, string name, ISwapStore store)
    {
        if (store.SlotCount is < 2 or > 1UL << 50)
        {
            throw new ArgumentException($"{store.SlotCount} slots (expected 2 to 2^50)", nameof(store));
        }

        if (areas.Count == SwapEntry.AreasMax || SwapArea.TryCreate(pages, cpu, areas.Count, name, store) is not { } area)
        {
            return null;
        }

        areas.Add(area);
        TotalPages += area.PageCount;
        FreePages += area.PageCount;
        return area;
    }

    /// <summary>Whether an entry names a slot that is in use.</summary>
    public bool IsUsed(SwapEntry entry) => TryFind(entry, out SwapArea? area) && !new SwapSlot(area!.Slot(entry.Offset)).IsFree;

    /// <summary>How many page-table entries and indexes refer to a slot (<c>__swap_count</c>).</summary>
    public uint CountOf(SwapEntry entry) => TryFind(entry, out SwapArea? area) ? new SwapSlot(area!.Slot(entry.Offset)).Count : 0;

    /// <summary>Whether pages of an area are read at once (<c>SWP_SYNCHRONOUS_IO</c>).</summary>
    public bool IsSynchronous(SwapEntry entry) => TryFind(entry, out SwapArea? area) && area!.Store.IsSynchronous;

    /// <summary>The frame that caches a slot (<c>swap_cache_get_folio</c>). No reference is taken.</summary>
    /// <returns><see cref="Pfn.None"/> where there is none.</returns>
    public Pfn FindCached(SwapEntry entry)
    {
        if (!TryFind(entry, out SwapArea? area) || new SwapSlot(area!.Slot(entry.Offset)) is not { IsCached: true } slot)
        {
            return Pfn.None;
        }

        Pfn pfn = new(slot.Frame);
        if (frames.IsValid(pfn) && (frames[pfn].Flags & PageFlag.SwapCache) != 0 && frames[pfn].Private == entry.Value)
        {
            return pfn;
        }

        Report("swap cache leads to a frame of another place", area.AddressOf(entry.Offset), entry.Value, slot.Value);
        return Pfn.None;
    }

    /// <summary>Gives an anonymous frame a slot and puts it into the swap cache, dirty (<c>folio_alloc_swap</c>, <c>add_to_swap</c>).</summary>
    /// <returns>False where no slot is free.</returns>
    public bool TryAdd(CpuId cpu, Pfn pfn)
    {
        lock (gate)
        {
            if (!TryTake(cpu, Order.Zero, SwapSlot.Used(0, pfn.Value + 1), out SwapEntry entry))
            {
                return false;
            }

            AttachDirty(entry, pfn);
            return true;
        }
    }

    /// <summary>Takes slots in a row for the pages of a folio. They lead to the frames; each frame has to join the cache (<see cref="Join"/>), or all slots go back (<see cref="ReleaseRun"/>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="head">The folio's first frame.</param>
    /// <param name="order">How many pages.</param>
    /// <param name="first">The first slot.</param>
    /// <returns>False where no area has so many in a row.</returns>
    internal bool TryTakeRun(CpuId cpu, Pfn head, Order order, out SwapEntry first)
    {
        lock (gate)
        {
            return TryTake(cpu, order, SwapSlot.Used(0, head.Value + 1), out first);
        }
    }

    /// <summary>A frame of a run joins the cache, dirty.</summary>
    internal void Join(SwapEntry entry, Pfn pfn)
    {
        lock (gate)
        {
            AttachDirty(entry, pfn);
        }
    }

    /// <summary>Gives the slots of a run back whose frames did not join the cache.</summary>
    internal void ReleaseRun(SwapEntry first, uint count)
    {
        lock (gate)
        {
            for (uint i = 0; i < count; i++)
            {
                Store(areas[first.Type], new SwapEntry(first.Type, first.Offset + i), new SwapSlot(0));
            }
        }
    }

    /// <summary>Takes slots in a row for the pages of a folio that are no cached frames', with one reference each: shared memory's.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="order">How many.</param>
    /// <param name="first">The first.</param>
    /// <returns>False where no area has so many in a row.</returns>
    public bool TryTakeSlots(CpuId cpu, Order order, out SwapEntry first)
    {
        lock (gate)
        {
            return TryTake(cpu, order, SwapSlot.Used(1, 0), out first);
        }
    }

    /// <summary>Puts a frame that was read, or will be, into the swap cache (<c>swapcache_prepare</c>, <c>add_to_swap_cache</c>).</summary>
    /// <returns>False where the slot is free, or cached already.</returns>
    public bool TryCache(SwapEntry entry, Pfn pfn)
    {
        lock (gate)
        {
            if (!TryFind(entry, out SwapArea? area))
            {
                return false;
            }

            SwapSlot slot = new(area!.Slot(entry.Offset));
            if (slot.IsFree || slot.IsCached)
            {
                return false;
            }

            area.Slot(entry.Offset) = slot.WithFrame(pfn.Value).Value;
            Attach(entry, pfn);
            return true;
        }
    }

    /// <summary>Takes a frame out of the swap cache (<c>delete_from_swap_cache</c>): a slot without references is free then. The caller gives the cache's reference back.</summary>
    public void Uncache(Pfn pfn)
    {
        lock (gate)
        {
            ref Frame frame = ref frames[pfn];
            SwapEntry entry = SwapEntry.FromUInt64(frame.Private);
            frame.Flags &= ~PageFlag.SwapCache;
            frame.Private = 0;
            CachedPages -= Math.Min(CachedPages, 1);
            if (!TryFind(entry, out SwapArea? area) || new SwapSlot(area!.Slot(entry.Offset)) is not { IsCached: true } slot || slot.Frame != pfn.Value)
            {
                Report("frame in no swap cache", pfn.Address, pfn.Value, entry.Value);
                return;
            }

            Store(area, entry, slot.WithoutFrame());
        }
    }

    /// <summary>Whether nobody refers to a cached frame's slot any more, so that the cache need not keep it (<c>!folio_swapped</c>).</summary>
    public bool IsUnreferenced(Pfn pfn) => CountOf(SwapEntry.FromUInt64(frames[pfn].Private)) == 0;

    /// <summary>One more reference to a slot (<c>swap_duplicate</c>).</summary>
    /// <returns>False where the slot is not in use, which was reported, or has as many as it can.</returns>
    public bool TryDuplicate(SwapEntry entry)
    {
        lock (gate)
        {
            if (!TryFind(entry, out SwapArea? area))
            {
                return false;
            }

            SwapSlot slot = new(area!.Slot(entry.Offset));
            if (slot.IsFree || slot.IsBad || slot.Count == SwapSlot.CountMax)
            {
                Report("unused swap offset", area.AddressOf(entry.Offset), 1, slot.Value);
                return false;
            }

            area.Slot(entry.Offset) = slot.WithCount(slot.Count + 1).Value;
            return true;
        }
    }

    /// <summary>Gives a reference to a slot back (<c>swap_free</c>); the last one frees the slot where no frame caches it.</summary>
    /// <param name="entry">The slot.</param>
    /// <param name="cached">The frame that caches a slot that nobody refers to any more; otherwise <see cref="Pfn.None"/>.</param>
    public void Free(SwapEntry entry, out Pfn cached)
    {
        cached = Pfn.None;
        lock (gate)
        {
            if (!TryFind(entry, out SwapArea? area))
            {
                return;
            }

            SwapSlot slot = new(area!.Slot(entry.Offset));
            if (slot.Count == 0 || slot.IsBad)
            {
                Report("unused swap offset", area.AddressOf(entry.Offset), 1, slot.Value);
                return;
            }

            slot = slot.WithCount(slot.Count - 1);
            Store(area, entry, slot);
            if (slot.Count != 0 || !slot.IsCached)
            {
                return;
            }
        }

        cached = FindCached(entry);
    }

    /// <summary>Writes a frame to a slot (<c>swap_writepage</c>).</summary>
    public bool TryWrite(SwapEntry entry, Pfn pfn)
    {
        if (!TryFind(entry, out SwapArea? area) || !area!.Store.Write(entry.Offset, memory.GetFrame(pfn)))
        {
            return false;
        }

        WrittenCount++;
        SetZero(entry, 1, !memory.GetFrame(pfn).ContainsAnyExcept((byte)0));
        return true;
    }

    /// <summary>Notes whether slots in a row hold nothing but zeroes, which is known of a folio as a whole (<c>swap_zeromap_folio_set</c>).</summary>
    internal void SetZero(SwapEntry first, uint count, bool isZero)
    {
        lock (gate)
        {
            for (uint i = 0; i < count; i++)
            {
                ref ulong word = ref areas[first.Type].Slot(first.Offset + i);
                word = new SwapSlot(word).IsFree ? 0 : new SwapSlot(word).WithZero(isZero).Value;
            }
        }
    }

    /// <summary>
    /// Whether slots in a row can be read into one folio (<c>swap_zeromap_batch</c>, <c>non_swapcache_batch</c>): all used, none cached, and all
    /// written as zeroes or none.
    /// </summary>
    internal bool IsReadableAsOne(SwapEntry first, uint count)
    {
        lock (gate)
        {
            for (uint i = 0; i < count; i++)
            {
                SwapEntry entry = new(first.Type, first.Offset + i);
                if (!TryFind(entry, out SwapArea? area) || new SwapSlot(area!.Slot(entry.Offset)) is not { IsFree: false, IsCached: false, IsBad: false } slot
                    || slot.IsZero != new SwapSlot(area.Slot(first.Offset)).IsZero)
                {
                    return false;
                }
            }

            return true;
        }
    }

    /// <summary>Reads a slot into a frame (<c>swap_read_folio</c>).</summary>
    public bool TryRead(SwapEntry entry, Pfn pfn)
    {
        if (!TryFind(entry, out SwapArea? area) || !area!.Store.Read(entry.Offset, memory.GetFrame(pfn)))
        {
            return false;
        }

        ReadCount++;
        return true;
    }

    /// <summary>Compares all counters with the maps, and each cached frame with its slot.</summary>
    /// <param name="references">How many references somebody counted by slot; null where nobody did.</param>
    /// <returns>What is wrong; empty where all is well.</returns>
    public IReadOnlyList<Corruption> Verify(IReadOnlyDictionary<SwapEntry, uint>? references = null)
    {
        List<Corruption> findings = [];
        ulong cached = 0;
        foreach (SwapArea area in areas)
        {
            area.Verify(findings);
            for (ulong offset = 1; offset < area.Store.SlotCount; offset++)
            {
                SwapSlot slot = new(area.Slot(offset));
                SwapEntry entry = new(area.Type, offset);
                cached += slot.IsCached ? 1UL : 0;
                if (slot.IsCached && FindCached(entry) == Pfn.None)
                {
                    findings.Add(new Corruption(CorruptionCategory.Swap, "cached frame of a slot", area.AddressOf(offset), entry.Value, slot.Value));
                }

                uint counted = references?.GetValueOrDefault(entry) ?? slot.Count;
                if (counted != slot.Count)
                {
                    findings.Add(new Corruption(CorruptionCategory.Swap, "references to a swap slot", area.AddressOf(offset), counted, slot.Count));
                }
            }
        }

        if (cached != CachedPages)
        {
            findings.Add(new Corruption(CorruptionCategory.Counter, "frames in the swap cache", default, cached, CachedPages));
        }

        ulong free = areas.Aggregate(0UL, (sum, area) => sum + area.PageCount - area.UsedPages);
        if (free != FreePages)
        {
            findings.Add(new Corruption(CorruptionCategory.Counter, "free swap slots", default, free, FreePages));
        }

        return findings;
    }

    private bool TryTake(CpuId cpu, Order order, SwapSlot word, out SwapEntry entry)
    {
        foreach (SwapArea area in areas)
        {
            if (area.TryTake(cpu, order, word, out ulong slot))
            {
                FreePages -= Math.Min(FreePages, order.PageCount);
                entry = new SwapEntry(area.Type, slot);
                return true;
            }
        }

        entry = SwapEntry.None;
        return false;
    }

    private void AttachDirty(SwapEntry entry, Pfn pfn)
    {
        Attach(entry, pfn);
        frames[pfn].Flags |= PageFlag.Dirty;
    }

    private void Attach(SwapEntry entry, Pfn pfn)
    {
        ref Frame frame = ref frames[pfn];
        frame.Flags |= PageFlag.SwapCache;
        frame.Private = entry.Value;
        frame.RefCount++;
        CachedPages++;
    }

    private void Store(SwapArea area, SwapEntry entry, SwapSlot slot)
    {
        if (slot.IsFree)
        {
            area.Release(entry.Offset);
            FreePages++;
        }
        else
        {
            area.Slot(entry.Offset) = slot.Value;
        }
    }

    private bool TryFind(SwapEntry entry, out SwapArea? area)
    {
        int type = entry.Type;
        area = type < areas.Count ? areas[type] : null;
        if (area is not null && area.Contains(entry.Offset))
        {
            return true;
        }

        Report("bad swap file entry", default, 0, entry.Value);
        area = null;
        return false;
    }

    private void Report(string reason, PhysAddr address, ulong expected, ulong found) =>
        pages.Log.Report(new Corruption(CorruptionCategory.Swap, reason, address, expected, found));
}
