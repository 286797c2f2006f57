// Frames in the hands of processes: taking them, counting who maps them, giving them back.
//
// A frame of anonymous memory carries in its descriptor the anon_vma and the page's index there (so that every mapping
// can be found again), PG_swapbacked, and PG_anon_exclusive while exactly one process can see it. Each page-table entry
// that maps a frame counts once in MapCount and once in RefCount; the page cache holds references of its own.

using System.Runtime.CompilerServices;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.PageCache;
using Engine.Core.Reclaim;
using Engine.Core.Swap;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <summary>Allocates, counts and frees the frames that processes map.</summary>
internal sealed partial class UserFrames
{
    private const int PrefetchBytes = 1536;

    private readonly PageAllocator allocator;
    private readonly PhysicalMemory memory;
    private readonly FrameTable frames;
    private readonly FileCache files;
    private readonly LruLists lru;

    public UserFrames(PageAllocator allocator, FileCache files, SwapSpace swap, Pfn zeroPage)
    {
        this.allocator = allocator;
        this.files = files;
        memory = allocator.Memory;
        frames = allocator.Frames;
        lru = allocator.Lru;
        Swap = swap;
        ZeroPage = zeroPage;
        Deferred = new HugePages.DeferredSplits(allocator);
    }

    /// <summary>Where pages are swapped to.</summary>
    public SwapSpace Swap { get; }

    /// <summary>The one frame of zeroes that all untouched anonymous pages share (<c>empty_zero_page</c>).</summary>
    public Pfn ZeroPage { get; }

    /// <summary>Takes a frame for a user page.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="extra"><see cref="GfpFlags.Zero"/>, or nothing where the content is overwritten at once.</param>
    /// <param name="pfn">The frame, with one reference.</param>
    /// <returns>False where there is none, or the memory cgroup of the process that acts may have no more.</returns>
    public bool TryAllocate(CpuId cpu, GfpFlags extra, out Pfn pfn) =>
        allocator.TryAllocate(cpu, Order.Zero, GfpFlags.HighUserMovable | extra, out pfn) && (lru.Cgroups is null || TryCharge(cpu, ref pfn));

    /// <summary>Makes a fresh frame an anonymous page that one entry maps (<c>folio_add_new_anon_rmap</c>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddNewAnonymous(CpuId cpu, Pfn pfn, in VmArea area, VirtAddr address)
    {
        ref Frame frame = ref frames[pfn];
        frame.Flags = PageFlag.SwapBacked | PageFlag.Uptodate | PageFlag.AnonExclusive;
        frame.Mapping = area.AnonVma.Value | PageFlag.MappingAnon;
        frame.Index = area.PageIndexOf(address);
        frame.MapCount = 1;
        AddToLists(cpu, pfn, area.Flags);
    }

    /// <summary>Counts an entry that maps a page of a file (<c>folio_add_file_rmap_pte</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="pfn">The frame.</param>
    /// <param name="flags">The VMA's.</param>
    public void AddFileMapping(CpuId cpu, Pfn pfn, VmFlags flags)
    {
        Interlocked.Increment(ref frames[pfn].MapCount);
        files.Get(pfn);
        LockFolio(cpu, pfn, flags);
    }

    /// <summary>Counts a file's folio as locked where its VMA is (<c>mlock_vma_folio</c>).</summary>
    public void LockFolio(CpuId cpu, Pfn pfn, VmFlags flags)
    {
        if (IsLocking(flags))
        {
            lru.Lock(cpu, files.HeadOf(pfn));
        }
    }

    /// <summary>Whether the pages of a VMA are kept in memory (<c>mlock_vma_folio</c>).</summary>
    public static bool IsLocking(VmFlags flags) => (flags & (VmFlags.Locked | VmFlags.Special)) == VmFlags.Locked;

    /// <summary>What <see cref="Share"/> does for a page of anonymous memory that is a folio of its own, but for the child's resident set.</summary>
    /// <returns>False, with nothing changed, where the entry maps anything else.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryShareSmallAnonymous(Descriptor entry)
    {
        Pfn pfn = entry.Pfn;
        if (entry.IsSpecial || !frames.IsValid(pfn))
        {
            return false;
        }

        ref Frame frame = ref frames[pfn];
        if (!IsSmallAnonymous(in frame))
        {
            return false;
        }

        frame.Flags &= ~PageFlag.AnonExclusive;
        frame.MapCount++;
        frame.RefCount++;
        return true;
    }

    /// <summary>Begins to fetch a frame's descriptor into the host's caches; any number will do.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Prefetch(Pfn pfn) => frames.Prefetch(pfn);

    /// <summary>Counts one more mapping of a frame, in a child (<c>folio_try_dup_anon_rmap_pte</c>, <c>folio_dup_file_rmap_pte</c>): nobody has it alone any more.</summary>
    public void Share(Process child, Descriptor entry)
    {
        if (entry.IsSpecial || !frames.IsValid(entry.Pfn))
        {
            return;
        }

        if (TryGetLargeAnonymous(entry, out Pfn head, out _))
        {
            ShareLarge(child, entry, head);
            return;
        }

        ref Frame frame = ref frames[entry.Pfn];
        if ((frame.Mapping & PageFlag.MappingAnon) != 0)
        {
            frame.Flags &= ~PageFlag.AnonExclusive;
            frame.MapCount++;
            frame.RefCount++;
            child.Memory.State.AnonPages++;
            return;
        }

        Interlocked.Increment(ref frames[entry.Pfn].MapCount);
        files.Get(entry.Pfn);
        CountFile(child, ref frames[head], 1);
    }

    /// <summary>Marks a frame as locked in memory, or not any more (<c>mlock_folio</c>, <c>munlock_folio</c>).</summary>
    public void SetLocked(CpuId cpu, Descriptor entry, bool isLocked)
    {
        if (entry.IsSpecial || !frames.IsValid(entry.Pfn))
        {
            return;
        }

        Pfn head = files.HeadOf(entry.Pfn);
        if (isLocked)
        {
            lru.Lock(cpu, head);
        }
        else
        {
            lru.Unlock(cpu, head);
        }
    }

    /// <summary>Counts a file's page in a resident set: shmem pages for themselves.</summary>
    public void CountFile(Process process, Pfn pfn) => CountFile(process, ref frames[HeadOf(pfn)], 1);

    /// <summary>Copies a page's content (<c>copy_mc_user_highpage</c>).</summary>
    /// <returns>False, and reported, where what an entry maps is no frame.</returns>
    public bool TryCopy(Pfn from, Pfn to)
    {
        if (!frames.IsValid(from))
        {
            allocator.Log.Report(new Corruption(CorruptionCategory.PageTable, "bad page map", from.Address, 1, 0));
            return false;
        }

        memory.CopyFrame(from, to);
        return true;
    }

    /// <summary>Begins to fetch the content of the frame behind an entry into the host's caches: some lines, behind which the host's own prefetching goes on.</summary>
    public void PrefetchContent(Descriptor entry)
    {
        if (entry.IsPresent && !entry.IsSpecial)
        {
            memory.PrefetchFrame(entry.Pfn, PrefetchBytes);
        }
    }

    /// <summary>Marks the frame behind a dirty entry as dirty.</summary>
    public void SetDirty(Descriptor entry)
    {
        if (!entry.IsSpecial && frames.IsValid(entry.Pfn))
        {
            frames[HeadOf(entry.Pfn)].Flags |= PageFlag.Dirty;
        }
    }

    /// <summary>Whether an entry maps an anonymous frame that nobody else can see (<c>PageAnonExclusive</c>).</summary>
    public bool IsExclusive(Descriptor entry) =>
        !entry.IsSpecial && frames.IsValid(entry.Pfn)
        && (frames[HeadOf(entry.Pfn)].Mapping & PageFlag.MappingAnon) != 0 && (frames[entry.Pfn].Flags & PageFlag.AnonExclusive) != 0;

    /// <summary>Whether a private page may be written in place (<c>wp_can_reuse_anon_folio</c>).</summary>
    /// <param name="entry">What maps it.</param>
    /// <param name="mayReuseLarge">Whether a page of a large folio may be, where one process has all of the folio's entries (Linux 6.15 and later).</param>
    public bool CanReuse(Descriptor entry, bool mayReuseLarge)
    {
        if (entry.IsSpecial || !frames.IsValid(entry.Pfn))
        {
            return false;
        }

        ref Frame frame = ref frames[entry.Pfn];
        bool isLarge = TryGetLargeAnonymous(entry, out Pfn head, out _);
        if ((frames[head].Mapping & PageFlag.MappingAnon) == 0)
        {
            return false;
        }

        if ((frame.Flags & PageFlag.AnonExclusive) == 0)
        {
            if (!isLarge && frame.RefCount <= 2)
            {
                TryFreeSwapCache(entry.Pfn, ref frame);
            }

            // A block is given up by its last process but one, whatever the release (do_huge_pmd_wp_page).
            bool isAlone = isLarge && !entry.IsBlock ? mayReuseLarge && CanReuseLarge(head) : frame.RefCount == 1;
            if (!isAlone)
            {
                return false;
            }

            frame.Flags |= PageFlag.AnonExclusive;
        }

        return true;
    }

    /// <summary>Notes that a page of a file was used through an entry that goes (<c>folio_mark_accessed</c>).</summary>
    public void NoteFileUse(CpuId cpu, Descriptor entry)
    {
        if (!entry.IsSpecial && frames.IsValid(entry.Pfn) && (frames[HeadOf(entry.Pfn)].Mapping & PageFlag.MappingAnon) == 0)
        {
            lru.MarkAccessed(cpu, files.HeadOf(entry.Pfn));
        }
    }

    /// <summary>What a page that was populated leaves behind: it counts as accessed, and for a write as dirty even where its entry is clean (<c>FOLL_TOUCH</c> in follow_page_pte, mm/gup.c).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="entry">The entry that maps it.</param>
    /// <param name="isWrite">Whether it was populated for writing.</param>
    public void NotePopulated(CpuId cpu, Descriptor entry, bool isWrite)
    {
        if (entry.IsSpecial || !frames.IsValid(entry.Pfn))
        {
            return;
        }

        ref Frame frame = ref frames[files.HeadOf(entry.Pfn)];
        if (isWrite && !entry.IsDirty)
        {
            frame.Flags |= PageFlag.Dirty;
        }

        lru.MarkAccessed(cpu, files.HeadOf(entry.Pfn));
    }

    /// <summary>Whether an entry maps an anonymous frame.</summary>
    public bool IsAnonymous(Descriptor entry) =>
        !entry.IsSpecial && frames.IsValid(entry.Pfn) && (frames[HeadOf(entry.Pfn)].Mapping & PageFlag.MappingAnon) != 0;

    /// <summary>Copies a frame's descriptor, with the flags of its folio.</summary>
    /// <returns>False where the frame has no descriptor.</returns>
    public bool TryGetFrame(Pfn pfn, out Frame frame, out ulong folioFlags)
    {
        bool isValid = frames.IsValid(pfn);
        frame = isValid ? frames[pfn] : default;
        folioFlags = isValid ? frames[files.HeadOf(pfn)].Flags : 0;
        if (isValid && files.HeadOf(pfn) is { } head && head != pfn)
        {
            frame.Mapping = frames[head].Mapping;
        }

        return isValid;
    }

    /// <summary>What <c>/proc/PID/pagemap</c> says of an entry.</summary>
    /// <param name="entry">The page's, or the block that maps it.</param>
    /// <param name="pageInBlock">The page's place in the block; 0 for a page's own entry.</param>
    /// <param name="asksFirstPage">Whether the first page of a block says for all who else maps it (Linux 6.15 and later, <c>pagemap_pmd_range</c>).</param>
    public PageMapEntry ToPageMapEntry(Descriptor entry, uint pageInBlock, bool asksFirstPage)
    {
        if (!entry.IsPresent)
        {
            return entry.IsSwap ? PageMapEntry.ForSwap(entry.SwapType, entry.SwapOffset) : default;
        }

        Pfn page = entry.Pfn + pageInBlock;
        bool isNormal = !entry.IsSpecial && frames.IsValid(page);
        return PageMapEntry.ForFrame(
            page,
            isFile: isNormal && !IsAnonymous(entry),
            isExclusive: isNormal && frames[asksFirstPage ? entry.Pfn : page].MapCount == 1,
            isZeroPage: entry.IsSpecial && (entry.Pfn == ZeroPage || entry.Pfn == HugeZeroPage));
    }

    /// <summary>Lets an anonymous page's content vanish when memory is short (<c>folio_mark_lazyfree</c>). A dirty one that others map is left alone.</summary>
    public bool TryMakeLazyFree(Descriptor entry)
    {
        if (!IsAnonymous(entry))
        {
            return false;
        }

        bool isLarge = TryGetLargeAnonymous(entry, out Pfn head, out uint pageCount);
        ref Frame frame = ref frames[head];
        bool hasOneOwner = isLarge && !entry.IsBlock ? Large(head).Entries == pageCount : frame.MapCount == 1;
        if ((frame.Flags & PageFlag.Dirty) != 0 && !hasOneOwner)
        {
            return false;
        }

        TryFreeSwapCache(head, ref frame);
        if ((frame.Flags & PageFlag.SwapCache) != 0)
        {
            return false;
        }

        frame.Flags &= ~PageFlag.Dirty;
        lru.MakeLazyFree(head);
        return true;
    }

    /// <summary>Makes a page that one entry maps a candidate for reclaim (<c>folio_deactivate</c>).</summary>
    public bool TryDeactivate(Descriptor entry)
    {
        if (entry.IsSpecial || !frames.IsValid(entry.Pfn))
        {
            return false;
        }

        bool isLarge = TryGetLargeAnonymous(entry, out Pfn head, out uint pageCount) && !entry.IsBlock;
        if (isLarge ? Large(head).Entries != pageCount : frames[entry.Pfn].MapCount != 1)
        {
            return false;
        }

        lru.Deactivate(files.HeadOf(entry.Pfn));
        return true;
    }

    private static void CountFile(Process process, ref Frame folio, long pageCount)
    {
        if ((folio.Flags & PageFlag.SwapBacked) != 0)
        {
            process.Memory.State.ShmemPages += pageCount;
        }
        else
        {
            process.Memory.State.FilePages += pageCount;
        }
    }
}
