// Anonymous folios of more than a page (mm/rmap.c, mm/huge_memory.c). MapCount of each frame counts the entries that map it, a
// block counting in every frame of its folio; references are the folio's, one for each entry, and a block is one entry. What else
// a folio counts lies in its tails (LargeFolio). The folio is freed as a whole when its last entry goes; while some of
// its pages are mapped and some are not it waits to be split (DeferredSplits).

using System.Runtime.CompilerServices;
using Engine.Arm64.HugePages;
using Engine.Arm64.PageTables;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <content>Large folios.</content>
internal sealed partial class UserFrames : IFolioBounds
{
    private readonly Lock hugeZeroGate = new();
    private long largeCount;

    /// <summary>Folios that are mapped in part.</summary>
    public DeferredSplits Deferred { get; }

    /// <summary>What happened to large folios.</summary>
    public HugePageCounters HugeCounters { get; } = new();

    /// <summary>Anonymous large folios in use.</summary>
    public long LargeCount => Interlocked.Read(ref largeCount);

    /// <summary>The 2 MiB of zeroes that read faults share, once there is one (<c>huge_zero_folio</c>).</summary>
    public Pfn HugeZeroPage { get; private set; } = Pfn.None;

    /// <inheritdoc/>
    public bool IsOneFolio(Pfn first, uint frameCount)
    {
        if (!frames.IsValid(first))
        {
            return false;
        }

        Pfn head = HeadOf(first);
        return allocator.GetOrder(head).PageCount >= (first - head) + frameCount;
    }

    /// <summary>The first frame of the folio that a frame belongs to. A link that leads to no folio with this frame is not followed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Pfn HeadOf(Pfn pfn) => (frames[pfn].Previous & 1) == 0 ? pfn : allocator.GetHead(pfn);

    /// <summary>Frames from one to the end of its folio, itself among them.</summary>
    public uint CountToFolioEnd(Pfn pfn)
    {
        if (!frames.IsValid(pfn))
        {
            return 1;
        }

        Pfn head = HeadOf(pfn);
        return allocator.IsCompound(head) ? allocator.GetOrder(head).PageCount - (pfn - head) : 1;
    }

    /// <summary>Pages of the folio that a frame belongs to.</summary>
    public uint FolioPagesOf(Pfn pfn, out Pfn head)
    {
        head = frames.IsValid(pfn) ? HeadOf(pfn) : pfn;
        return frames.IsValid(head) && allocator.IsCompound(head) ? allocator.GetOrder(head).PageCount : 1;
    }

    /// <summary>Whether an entry maps an anonymous folio of more than a page, and which.</summary>
    public bool TryGetLargeAnonymous(Descriptor entry, out Pfn head, out uint pageCount)
    {
        head = entry.Pfn;
        pageCount = 1;
        if (!entry.IsPresent || entry.IsSpecial || !frames.IsValid(head))
        {
            return false;
        }

        ref Frame frame = ref frames[head];
        if (((frame.Flags & PageFlag.Head) | (frame.Previous & 1)) == 0)
        {
            return false; // the common case: one cache line tells
        }

        head = HeadOf(head);
        pageCount = allocator.IsCompound(head) ? allocator.GetOrder(head).PageCount : 1;
        return pageCount >= 1u << HugePageOptions.SmallestOrder && (frames[head].Mapping & PageFlag.MappingAnon) != 0;
    }

    /// <summary>The tail words of a large anonymous folio.</summary>
    public LargeFolio Large(Pfn head) => new(frames, head);

    /// <summary>References held on a folio.</summary>
    public int ReferencesOf(Pfn head) => frames[head].RefCount;

    /// <summary>Takes a zeroed folio for anonymous memory.</summary>
    public bool TryAllocateFolio(CpuId cpu, int order, GfpFlags gfp, out Pfn head) =>
        allocator.TryAllocate(cpu, new Order(order), gfp | GfpFlags.Comp | GfpFlags.Zero, out head)
        && (lru.Cgroups is null || TryCharge(cpu, ref head, new Order(order)));

    /// <summary>Gives back a folio that nothing maps yet.</summary>
    public void FreeUnmapped(CpuId cpu, Pfn head)
    {
        Order order = allocator.GetOrder(head);
        lru.Cgroups?.Uncharge(ref frames[head], order.PageCount);
        allocator.Free(cpu, head, order);
    }

    /// <summary>Makes a fresh folio anonymous memory that one block, or an entry for each page, maps (<c>folio_add_new_anon_rmap</c>).</summary>
    /// <param name="process">Whose entries.</param>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="head">The folio.</param>
    /// <param name="area">The VMA.</param>
    /// <param name="address">Where its first page is mapped.</param>
    /// <param name="isBlock">Whether a block maps it.</param>
    /// <param name="isLocking">Whether it is locked where the VMA is; what comes from swap space is not.</param>
    public void AddNewAnonymousFolio(Process process, CpuId cpu, Pfn head, in VmArea area, VirtAddr address, bool isBlock, bool isLocking = true)
    {
        uint count = allocator.GetOrder(head).PageCount;
        ref Frame first = ref frames[head];
        first.Flags = PageFlag.Head | PageFlag.SwapBacked | PageFlag.Uptodate | PageFlag.AnonExclusive;
        first.Mapping = area.AnonVma.Value | PageFlag.MappingAnon;
        first.Index = area.PageIndexOf(address);
        first.MapCount = 1;
        first.RefCount = isBlock ? 1 : (int)count;
        for (uint i = 1; i < count; i++)
        {
            ref Frame tail = ref frames[head + i];
            tail.MapCount = 1;
            tail.Flags |= isBlock ? 0 : PageFlag.AnonExclusive;
        }

        Large(head).Initialize((uint)process.Pid, isBlock ? 1 : count, isBlock ? 1u : 0, count);
        Interlocked.Increment(ref largeCount);
        process.Memory.State.AnonPages += count;
        if (isLocking && IsLocking(area.Flags))
        {
            lru.LockNew(cpu, head);
        }
        else
        {
            lru.PutBack(head);
        }
    }

    /// <summary>The huge zero page, made at its first use (<c>get_huge_zero_page</c>).</summary>
    public bool TryGetHugeZeroPage(CpuId cpu, out Pfn head)
    {
        lock (hugeZeroGate)
        {
            if (HugeZeroPage == Pfn.None)
            {
                GfpFlags gfp = (GfpFlags.TransHuge | GfpFlags.Zero) & ~GfpFlags.Movable;
                bool isMade = allocator.TryAllocate(cpu, new Order(HugePageOptions.HugeOrder), gfp, out Pfn made);
                HugeCounters.Add(isMade ? HugePageEvent.ZeroPageAllocation : HugePageEvent.ZeroPageAllocationFailed);
                HugeZeroPage = isMade ? made : Pfn.None;
            }

            head = HugeZeroPage;
            return head != Pfn.None;
        }
    }

    /// <summary>Turns one block of a folio into an entry for each page (the folio's side of <c>__split_huge_pmd_locked</c>).</summary>
    public void SplitBlock(Process process, Pfn head, Descriptor block)
    {
        uint count = allocator.GetOrder(head).PageCount;
        ref Frame first = ref frames[head];
        first.Flags |= block.IsDirty ? PageFlag.Dirty : 0;
        if ((first.Flags & PageFlag.AnonExclusive) != 0)
        {
            for (uint i = 1; i < count; i++)
            {
                frames[head + i].Flags |= PageFlag.AnonExclusive;
            }
        }

        first.RefCount = unchecked(first.RefCount + (int)count - 1);
        LargeFolio folio = Large(head);
        folio.AddEntries((uint)process.Pid, count);
        folio.RemoveEntries((uint)process.Pid, 1);
        folio.AddBlocks(-1);
    }

    /// <summary>Whether a page of a large folio may be written in place although it is not marked exclusive (<c>__wp_can_reuse_large_anon_folio</c>, Linux 6.15 and later).</summary>
    public bool CanReuseLarge(Pfn head)
    {
        LargeFolio folio = Large(head);
        return folio.Entries > 1 && !folio.MayBeShared && folio.Entries == unchecked((uint)frames[head].RefCount);
    }

    /// <summary>Counts one more entry for a large anonymous folio, in a child (<c>folio_try_dup_anon_rmap_ptes</c>, <c>_pmd</c>).</summary>
    private void ShareLarge(Process child, Descriptor entry, Pfn head)
    {
        if (entry.IsBlock && !IsMappedBlock(entry.Pfn))
        {
            allocator.Log.Report(new Corruption(CorruptionCategory.PageTable, "bad block map", entry.OutputAddress, 1, entry.ToUInt64()));
            return;
        }

        uint count = entry.IsBlock ? Order.PageBlock.PageCount : 1;
        ref Frame first = ref frames[entry.Pfn];
        first.Flags &= ~PageFlag.AnonExclusive;
        for (uint i = 0; i < count; i++)
        {
            frames[entry.Pfn + i].MapCount++;
        }

        frames[head].RefCount++;
        LargeFolio folio = Large(head);
        folio.AddEntries((uint)child.Pid, 1);
        folio.AddBlocks(entry.IsBlock ? 1 : 0);
        child.Memory.State.AnonPages += count;
    }

    /// <summary>Takes one entry of a large anonymous folio back (<c>folio_remove_rmap_ptes</c>, <c>_pmd</c>).</summary>
    private void UnmapLarge(Process process, CpuId cpu, Descriptor entry, Pfn head)
    {
        uint count = entry.IsBlock ? Order.PageBlock.PageCount : 1;
        uint last = 0;
        for (uint i = 0; i < count; i++)
        {
            last += --frames[entry.Pfn + i].MapCount == 0 ? 1u : 0;
        }

        process.Memory.State.AnonPages -= count;
        LargeFolio folio = Large(head);
        folio.RemoveMappedPages(last);
        folio.RemoveEntries((uint)process.Pid, 1);
        folio.AddBlocks(entry.IsBlock ? -1 : 0);
        if (--frames[head].RefCount <= 0)
        {
            FreeLarge(cpu, head);
        }
        else if (last > 0 && folio.MappedPages > 0 && Deferred.TryAdd(head))
        {
            HugeCounters.Add(HugePageEvent.DeferredSplit);
        }
    }

    private void UnmapFileBlock(Process process, CpuId cpu, Descriptor entry)
    {
        for (uint i = 0; i < Order.PageBlock.PageCount; i++)
        {
            ref Frame frame = ref frames[entry.Pfn + i];
            frame.MapCount--;
        }

        Large(HeadOf(entry.Pfn)).AddBlocks(-1);
        ref Frame head = ref frames[HeadOf(entry.Pfn)];
        head.Flags |= entry.IsDirty ? PageFlag.Dirty : 0;
        CountFile(process, ref head, -(long)Order.PageBlock.PageCount);
        files.Put(cpu, entry.Pfn);
    }

    /// <summary>Counts a block that maps a file's folio (<c>folio_add_file_rmap_pmd</c>).</summary>
    public void AddFileBlock(Process process, CpuId cpu, Pfn head, VmFlags flags)
    {
        for (uint i = 0; i < Order.PageBlock.PageCount; i++)
        {
            Interlocked.Increment(ref frames[head + i].MapCount);
        }

        files.Get(head);
        Large(head).AddBlocks(1);
        LockFolio(cpu, head, flags);
        CountFile(process, ref frames[head], Order.PageBlock.PageCount);
    }

    // Whether a block of entries of frames lies in the frame table and all are mapped.
    private bool IsMappedBlock(Pfn first)
    {
        if (!frames.IsValid(first) || !frames.IsValid(first + (Order.PageBlock.PageCount - 1)))
        {
            return false;
        }

        for (uint i = 0; i < Order.PageBlock.PageCount; i++)
        {
            if (frames[first + i].MapCount <= 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Entries that map a frame.</summary>
    public int MappingsOf(Pfn pfn) => frames.IsValid(pfn) ? frames[pfn].MapCount : 0;

    /// <summary>Whether somebody beside page tables holds an anonymous frame's folio (not <c>is_refcount_suitable</c>).</summary>
    public bool HasOtherHolders(Pfn pfn)
    {
        Pfn head = HeadOf(pfn);
        bool isLarge = allocator.IsCompound(head) && allocator.GetOrder(head).Value >= HugePageOptions.SmallestOrder;
        int cached = (frames[head].Flags & PageFlag.SwapCache) != 0 ? 1 : 0;
        return frames[head].RefCount != cached + (isLarge ? (int)Large(head).Entries : frames[pfn].MapCount);
    }

    /// <summary>Makes single pages of a folio that only entries of pages hold (<c>__split_huge_page</c>); pages that nothing maps are freed.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="head">The folio.</param>
    /// <param name="count">Its pages.</param>
    /// <param name="keptFlags">Flags of the folio that each page gets.</param>
    /// <param name="keepsUnmapped">Whether the caller frees what nothing maps (<see cref="FreeUnmappedPages"/>).</param>
    public void Carve(CpuId cpu, Pfn head, uint count, ulong keptFlags, bool keepsUnmapped)
    {
        Deferred.Remove(head);
        Large(head).Clear();
        Interlocked.Decrement(ref largeCount);
        lru.Remove(head);
        Frame whole = frames[head];
        for (uint i = count - 1; i < count; i = unchecked(i - 1))
        {
            ref Frame page = ref frames[head + i];
            ulong exclusive = page.Flags & PageFlag.AnonExclusive;
            int mapCount = page.MapCount;
            allocator.CarveBlock(head + i, Order.Zero);
            page.Flags = (whole.Flags & keptFlags) | exclusive;
            page.Mapping = whole.Mapping;
            page.Index = whole.Index + i;
            page.Next = i == 0 ? whole.Next : 0;
            page.Private = 0;
            page.MapCount = mapCount;
            page.RefCount = mapCount;
            page.MemcgData = whole.MemcgData;
            lru.PutBack(head + i);
        }

        if (!keepsUnmapped)
        {
            FreeUnmappedPages(cpu, head, count);
        }
    }

    /// <summary>Takes one entry of a single anonymous page back; the page is not freed (see <see cref="FreeUnmappedPages"/>).</summary>
    public void UnmapKept(Process process, Descriptor entry)
    {
        ref Frame page = ref frames[entry.Pfn];
        page.MapCount--;
        page.RefCount--;
        process.Memory.State.AnonPages--;
    }

    /// <summary>Frees those of a split folio's pages that nothing maps.</summary>
    public void FreeUnmappedPages(CpuId cpu, Pfn head, uint count)
    {
        for (uint i = 0; i < count; i++)
        {
            if (frames[head + i].MapCount == 0)
            {
                frames[head + i].RefCount = 1;
                Put(cpu, head + i);
            }
        }
    }

    private void FreeLarge(CpuId cpu, Pfn head)
    {
        Order order = allocator.GetOrder(head);
        Deferred.Remove(head);
        Large(head).Clear();
        for (uint i = 0; i < order.PageCount; i++)
        {
            if (frames[head + i].MapCount != 0)
            {
                allocator.Log.Report(new Corruption(CorruptionCategory.BadPageState, "nonzero mapcount", (head + i).Address, 0, (ulong)frames[head + i].MapCount));
                frames[head + i].MapCount = 0;
            }
        }

        ref Frame first = ref frames[head];
        lru.Forget(head, ref first);
        lru.Cgroups?.Uncharge(ref first, order.PageCount);
        first.Flags = PageFlag.Head;
        first.Mapping = 0;
        first.Next = 0;
        first.Previous = 0;
        Interlocked.Decrement(ref largeCount);
        allocator.Free(cpu, head, order);
    }
}
