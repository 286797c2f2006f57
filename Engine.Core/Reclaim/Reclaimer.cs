// Reclaim of single pages (mm/vmscan.c): shrink_folio_list decides per page what becomes of it, and the callers decide which
// pages are looked at: MADV_PAGEOUT names them, a memory cgroup over its limit takes them from the tails of its lists.
// Reclaim for a zone that runs short will be a third caller.
//
//   anonymous   gets a slot, leaves all page tables, is written out, leaves the swap cache, is freed
//   large anon  gets a slot for every page in a row, and goes as single pages
//   lazily free leaves all page tables and is freed, unless it was written meanwhile
//   file        leaves all page tables; freed when clean, kept as active when dirty (the flusher writes, not reclaim)
//   shared mem  leaves all page tables; its content goes to a slot that the object's index remembers
//
// Large folios of shared memory go whole where they can; those of other files are left alone.

using Engine.Core.Buddy;
using Engine.Core.Frames;
using Engine.Core.PageCache;
using Engine.Core.Swap;
using Engine.Core.Units;

namespace Engine.Core.Reclaim;

/// <summary>Frees pages of users.</summary>
public sealed partial class Reclaimer
{
    private const int PinBias = 1024; // GUP_PIN_COUNTING_BIAS

    private readonly PageAllocator pages;
    private readonly FrameTable frames;
    private readonly LruLists lru;
    private readonly FileCache files;
    private readonly SwapSpace swap;
    private readonly IReverseMap reverseMap;

    /// <summary>Wires it up.</summary>
    /// <param name="pages">The page allocator, with its LRU lists.</param>
    /// <param name="files">The page cache.</param>
    /// <param name="swap">The swap space.</param>
    /// <param name="reverseMap">The way to the page tables.</param>
    public Reclaimer(PageAllocator pages, FileCache files, SwapSpace swap, IReverseMap reverseMap)
    {
        this.pages = pages;
        frames = pages.Frames;
        lru = pages.Lru;
        this.files = files;
        this.swap = swap;
        this.reverseMap = reverseMap;
    }

    /// <summary>Pages looked at (<c>pgscan_direct</c>).</summary>
    public ulong ScannedPages { get; private set; }

    /// <summary>Pages freed (<c>pgsteal_direct</c>).</summary>
    public ulong StolenPages { get; private set; }

    /// <summary>Lazily freed pages that went (<c>pglazyfreed</c>).</summary>
    public ulong LazyFreedPages { get; private set; }

    /// <summary>Frees a folio if it can be (<c>shrink_folio_list</c> for one folio); otherwise it is back on its list.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="pfn">The first frame of a folio on an LRU list.</param>
    /// <param name="ignoresReferences">Whether pages go that were used lately.</param>
    /// <returns>How many frames are free now.</returns>
    public uint Reclaim(CpuId cpu, Pfn pfn, bool ignoresReferences)
    {
        ref Frame frame = ref frames[pfn];
        if ((frame.Flags & PageFlag.Unevictable) != 0)
        {
            return 0;
        }

        return (frame.Flags & PageFlag.Head) != 0 ? ReclaimLarge(cpu, pfn, ref frame, ignoresReferences)
            : TryReclaim(cpu, pfn, ref frame, ignoresReferences) ? 1u : 0;
    }

    private bool TryReclaim(CpuId cpu, Pfn pfn, ref Frame frame, bool ignoresReferences)
    {
        if (!lru.Remove(pfn))
        {
            return false;
        }

        ScannedPages++;
        if (!ignoresReferences && IsInUse(cpu, pfn, ref frame))
        {
            lru.PutBack(pfn);
            return false;
        }

        return TryShrink(cpu, pfn, ref frame);
    }

    // Of a page that was taken off its list; where it cannot be freed it is put back.
    private bool TryShrink(CpuId cpu, Pfn pfn, ref Frame frame)
    {
        frame.Flags &= ~PageFlag.Active;
        bool isAnonymous = (frame.Mapping & PageFlag.MappingAnon) != 0 || (frame.Flags & PageFlag.SwapCache) != 0;
        Outcome outcome = isAnonymous ? ShrinkAnonymous(cpu, pfn, ref frame) : ShrinkFile(cpu, pfn, ref frame);
        if (outcome == Outcome.Freed)
        {
            StolenPages++;
            return true;
        }

        frame.Flags |= outcome == Outcome.Activate ? PageFlag.Active : 0;
        lru.PutBack(pfn);
        return false;
    }

    // folio_check_references
    private bool IsInUse(CpuId cpu, Pfn pfn, ref Frame frame)
    {
        int references = reverseMap.CountReferences(cpu, pfn, out bool isLocked);
        bool wasReferenced = (frame.Flags & PageFlag.Referenced) != 0;
        frame.Flags &= ~PageFlag.Referenced;
        if (isLocked)
        {
            frame.Flags |= PageFlag.Active;
            return true;
        }

        if (references == 0)
        {
            return false;
        }

        // A page that was used once has to be used again before the next look; anonymous ones are active by one use.
        frame.Flags |= PageFlag.Referenced;
        frame.Flags |= wasReferenced || references > 1 ? PageFlag.Active : 0;
        return true;
    }

    private Outcome ShrinkAnonymous(CpuId cpu, Pfn pfn, ref Frame frame)
    {
        if (frame.RefCount >= PinBias)
        {
            return Outcome.Keep; // a device may use it (folio_maybe_dma_pinned)
        }

        bool isLazilyFree = (frame.Flags & PageFlag.SwapBacked) == 0;
        if (!isLazilyFree && (frame.Flags & PageFlag.SwapCache) == 0 && !swap.TryAdd(cpu, pfn))
        {
            return Outcome.Activate;
        }

        // The reference of whoever reclaims keeps the frame while its mappings go.
        frame.RefCount++;
        bool isUnmapped = frame.MapCount == 0 || reverseMap.TryUnmap(cpu, pfn);
        frame.RefCount--;
        if (!isUnmapped)
        {
            DropUnusedSlot(pfn, ref frame);
            return Outcome.Activate;
        }

        if (isLazilyFree)
        {
            return TryFreeLazily(cpu, pfn, ref frame);
        }

        SwapEntry entry = SwapEntry.FromUInt64(frame.Private);
        if ((frame.Flags & PageFlag.Dirty) != 0)
        {
            if (!swap.TryWrite(entry, pfn))
            {
                return Outcome.Activate;
            }

            frame.Flags &= ~PageFlag.Dirty;
            if (!swap.IsSynchronous(entry))
            {
                return Outcome.Keep; // it is on its way to the device; the next look finds it clean
            }
        }

        if (frame.RefCount != 1)
        {
            return Outcome.Keep;
        }

        swap.Uncache(pfn);
        Release(cpu, pfn, ref frame);
        return Outcome.Freed;
    }

    private Outcome TryFreeLazily(CpuId cpu, Pfn pfn, ref Frame frame)
    {
        // The mapping's reference was the last; one is needed to give the frame back.
        if ((frame.Flags & PageFlag.Dirty) != 0 || frame.RefCount > 0)
        {
            return Outcome.Keep;
        }

        LazyFreedPages++;
        frame.RefCount = 1;
        Release(cpu, pfn, ref frame);
        return Outcome.Freed;
    }

    private Outcome ShrinkFile(CpuId cpu, Pfn pfn, ref Frame frame)
    {
        if (files.MappingOf(pfn) is not { } mapping)
        {
            return Outcome.Keep;
        }

        if (frame.MapCount > 0 && !reverseMap.TryUnmap(cpu, pfn))
        {
            return Outcome.Activate;
        }

        // Shared memory that nobody ever wrote is zero, and comes back as a hole.
        if (mapping.IsShmem && (frame.Flags & PageFlag.Dirty) != 0)
        {
            return mapping.TrySwapOut(cpu, pfn, swap) ? Outcome.Freed : Outcome.Activate;
        }

        if ((frame.Flags & PageFlag.Dirty) != 0)
        {
            frame.Flags |= PageFlag.Readahead; // PG_reclaim: to be freed when it has been written back
            return Outcome.Activate;
        }

        return mapping.TryEvict(cpu, pfn) ? Outcome.Freed : Outcome.Keep;
    }

    // A page that got a slot and could not be unmapped keeps it only where entries refer to it.
    private void DropUnusedSlot(Pfn pfn, ref Frame frame)
    {
        if ((frame.Flags & PageFlag.SwapCache) != 0 && swap.IsUnreferenced(pfn) && frame.RefCount > 1)
        {
            swap.Uncache(pfn);
            frame.Flags |= PageFlag.Dirty;
            frame.RefCount--;
        }
    }

    private void Release(CpuId cpu, Pfn pfn, ref Frame frame)
    {
        frame.Mapping = 0;
        files.Put(cpu, pfn);
    }

    private enum Outcome
    {
        Keep,
        Activate,
        Freed,
    }
}
