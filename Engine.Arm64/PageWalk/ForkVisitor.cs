using System.Runtime.CompilerServices;
using Engine.Arm64.Faults;
using Engine.Arm64.Kernel.Pins;
using Engine.Arm64.PageTables;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.PageWalk;

/// <summary>
/// Gives a child the pages of its parent (<c>copy_pte_range</c>, <c>copy_present_ptes</c>, mm/memory.c; <c>copy_huge_pmd</c>): a private page is write-protected in both
/// and no longer exclusive, a shared one starts clean in the child; the child's entries are old. Consecutive pages of a large folio are one
/// batch, whose first entry gives the child's dirtiness. The runs that the range covers in part have been unfolded.
/// </summary>
internal struct ForkVisitor(UserFrames frames, Process parent, Process child, VmAreaRef childArea, CpuId cpu, bool isShared) : ILeafVisitor
{
    private const ulong NoTable = ulong.MaxValue;

    // About as many descriptors as come from memory while one comes.
    private const int EntriesAhead = 12;

    private readonly PageTable tables = child.Tables;
    private readonly bool hasPinned = parent.Memory.State.HasPinned != 0;
    private readonly bool isPlain = !isShared && parent.Memory.State.HasPinned == 0;
    private VirtAddr batchNext;
    private Pfn batchPfn;
    private Pfn batchHead;
    private bool isBatchDirty;

    // The child's last-level table that was written last, and its number.
    private TableView<Granule4K> pages;
    private ulong pagesNumber = NoTable;

    // Of the child, not counted yet.
    private long anonPages;

    /// <summary>Counts in the child what was copied; to be called once, however the walk ended.</summary>
    public void Finish()
    {
        child.Memory.State.AnonPages += anonPages;
        anonPages = 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        // Nearly every page: private, a folio of its own, within the child's table of the page before.
        if (isPlain && level == PageTable.LastLevel && PageTable.PagesNumberOf(address) == pagesNumber)
        {
            FetchAhead(address, ref descriptor);
            if (descriptor.IsPresent && !descriptor.IsContiguous && frames.TryShareSmallAnonymous(descriptor))
            {
                CopySmall(address, ref descriptor);
                return true;
            }
        }

        return VisitAny(address, level, ref descriptor);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool VisitAny(VirtAddr address, int level, ref Descriptor descriptor)
    {
        if (!descriptor.IsPresent)
        {
            return CopySwap(address, ref descriptor);
        }

        if (level != PageTable.LastLevel)
        {
            return CopyBlock(address, ref descriptor);
        }

        if (!TryOpenPages(address))
        {
            return false;
        }

        Descriptor entry = descriptor.IsContiguous ? parent.Tables.ReadGathered(address).MakeNonContiguous() : descriptor;
        if (!isShared && hasPinned && PinnedFork.MustCopy(parent, entry))
        {
            return PinnedFork.TryCopy(cpu, child, childArea, address, entry);
        }

        if (isShared)
        {
            entry = entry.MakeClean();
        }
        else
        {
            // A run stays one: all of it lies in the range, and all of it becomes read-only.
            descriptor = descriptor.IsWritable ? descriptor.WriteProtect() : descriptor;
            entry = Batch(address, entry.IsWritable ? entry.WriteProtect() : entry);
        }

        if (frames.TryShareSmallAnonymous(entry))
        {
            anonPages++;
        }
        else
        {
            frames.Share(child, entry);
        }

        entry = entry.MakeOld();
        pages[PageTable.PageIndexOf(address)] = entry;
        if (tables.EndsRun(address, entry))
        {
            tables.TryFoldAt(address);
        }

        return true;
    }

    // What is counted already.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void CopySmall(VirtAddr address, ref Descriptor descriptor)
    {
        Descriptor entry = descriptor;
        if (entry.IsWritable)
        {
            entry = entry.WriteProtect();
            descriptor = entry;
        }

        anonPages++;
        batchNext = default;
        entry = entry.MakeOld();
        pages[PageTable.PageIndexOf(address)] = entry;
        if (tables.EndsRun(address, entry))
        {
            tables.TryFoldAt(address);
        }
    }

    // The frames' descriptors are what a fork waits for: that of a page some entries ahead begins to come.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void FetchAhead(VirtAddr address, ref Descriptor descriptor)
    {
        if (PageTable.PageIndexOf(address) < TableView<Granule4K>.EntryCount - EntriesAhead)
        {
            // SAFETY: that entry lies in the same table.
            frames.Prefetch(Unsafe.Add(ref descriptor, EntriesAhead).Pfn);
        }
    }

    private bool TryOpenPages(VirtAddr address)
    {
        ulong number = PageTable.PagesNumberOf(address);
        if (number == pagesNumber)
        {
            return true;
        }

        pagesNumber = tables.TryOpenPages(cpu, address, out pages) ? number : NoTable;
        return pagesNumber == number;
    }

    // A file's block comes back by a fault of the child's own.
    private readonly bool CopyBlock(VirtAddr address, ref Descriptor descriptor)
    {
        if (!descriptor.IsSpecial && !frames.IsAnonymous(descriptor))
        {
            return true;
        }

        descriptor = descriptor.IsWritable ? descriptor.WriteProtect() : descriptor;
        if (!child.Tables.TryMapHuge(cpu, address, descriptor.MakeOld(), isReserving: true))
        {
            return false;
        }

        frames.Share(child, descriptor);
        return true;
    }

    private Descriptor Batch(VirtAddr address, Descriptor entry)
    {
        if (!frames.TryGetLargeAnonymous(entry, out Pfn head, out _))
        {
            batchNext = default;
            return entry;
        }

        if (address != batchNext || entry.Pfn != batchPfn || head != batchHead)
        {
            isBatchDirty = entry.IsDirty;
        }

        batchNext = address + Pfn.PageSizeBytes;
        batchPfn = entry.Pfn + 1;
        batchHead = head;
        return isBatchDirty ? entry.MakeDirty() : entry.MakeClean();
    }

    // copy_nonpresent_pte: one more refers to the slot, so it is nobody's alone. A slot that cannot be is not copied.
    private bool CopySwap(VirtAddr address, ref Descriptor descriptor)
    {
        if (!TryOpenPages(address))
        {
            return false;
        }

        if (!descriptor.IsSwap || !frames.Swap.TryDuplicate(UserFrames.ToSwapEntry(descriptor)))
        {
            return true;
        }

        descriptor = Descriptor.ForSwap(descriptor.SwapType, descriptor.SwapOffset, exclusive: false);
        child.Memory.State.SwapEntries++;
        pages[PageTable.PageIndexOf(address)] = descriptor;
        return true;
    }
}
