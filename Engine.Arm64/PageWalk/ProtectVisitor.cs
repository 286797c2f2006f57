using Engine.Arm64.Faults;
using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.PageWalk;

/// <summary>
/// Gives every page of a range another protection (<c>change_pte_range</c>, mm/mprotect.c). Since Linux 6.17 consecutive pages of a large folio
/// that are writable or are not are one batch: what one of them is, dirty or used, all are then.
/// </summary>
internal struct ProtectVisitor : ILeafVisitor
{
    private readonly UserFrames frames;
    private readonly PageTable tables;
    private readonly PageAttributes attributes;
    private readonly bool mayWrite;
    private readonly bool isShared;
    private readonly bool keepsClean;
    private readonly VirtAddr batchLimit;
    private VirtAddr batchEnd;
    private bool isBatchDirty;
    private bool isBatchYoung;

    /// <param name="frames">Tells which frames are exclusive.</param>
    /// <param name="tables">Unfolds contiguous runs on the way, and folds them again.</param>
    /// <param name="attributes">The new protection; a private writable one is read-only.</param>
    /// <param name="mayWrite">The VMA is writable now: pages that need no copy become writable at once (<c>MM_CP_TRY_CHANGE_WRITABLE</c>).</param>
    /// <param name="isShared">The VMA is shared.</param>
    /// <param name="keepsClean">What becomes writable stays clean; up to Linux 6.17 arm64's <c>pte_mkwrite</c> made it dirty.</param>
    /// <param name="batchLimit">The end of the range where large folios are taken in batches; 0 where there are none, or no batches.</param>
    public ProtectVisitor(UserFrames frames, PageTable tables, PageAttributes attributes, bool mayWrite, bool isShared, bool keepsClean, VirtAddr batchLimit)
    {
        this.frames = frames;
        this.tables = tables;
        this.attributes = attributes;
        this.mayWrite = mayWrite;
        this.isShared = isShared;
        this.keepsClean = keepsClean;
        this.batchLimit = batchLimit;
    }

    /// <summary>Entries changed.</summary>
    public ulong Changed { get; private set; }

    /// <summary>The first address changed (<c>tlb_flush_pte_range</c>).</summary>
    public VirtAddr FirstChanged { get; private set; }

    /// <summary>The first address after the last one changed.</summary>
    public VirtAddr EndChanged { get; private set; }

    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        if (!descriptor.IsPresent)
        {
            return true;
        }

        bool isPage = level == PageTable.LastLevel;
        if (isPage && descriptor.IsContiguous)
        {
            tables.UnfoldAt(address);
        }

        Descriptor entry = (isPage && batchLimit.Value != 0 ? Gather(address, descriptor) : descriptor).Modify(attributes);
        if (mayWrite && !entry.IsWritable && CanBecomeWritable(entry))
        {
            entry = keepsClean && !entry.IsDirty ? entry.MakeWritable().MakeClean() : entry.MakeWritable();
        }

        descriptor = entry;
        FirstChanged = Changed++ == 0 ? address : FirstChanged;
        EndChanged = address + (isPage ? Pfn.PageSizeBytes : HugeMaps.Bytes);
        if (isPage && tables.EndsRun(address, entry))
        {
            tables.TryFoldAt(address);
        }

        return true;
    }

    // mprotect_folio_pte_batch, modify_prot_start_ptes.
    private Descriptor Gather(VirtAddr address, Descriptor entry)
    {
        if (address >= batchEnd)
        {
            FindBatch(address, entry);
        }

        entry = isBatchDirty ? entry.MakeDirty() : entry;
        return isBatchYoung ? entry.MakeYoung() : entry;
    }

    private void FindBatch(VirtAddr address, Descriptor entry)
    {
        uint left = entry.IsSpecial ? 1 : frames.CountToFolioEnd(entry.Pfn);
        uint count = 1;
        isBatchDirty = entry.IsDirty;
        isBatchYoung = entry.IsYoung;
        VirtAddr next = address + Pfn.PageSizeBytes;
        while (count < left && next < batchLimit && !PageTable.IsFirstOfTable(next))
        {
            Descriptor other = tables.ReadGathered(next);
            if (!other.IsPresent || other.IsSpecial || other.Pfn != entry.Pfn + count || other.IsWritable != entry.IsWritable)
            {
                break;
            }

            isBatchDirty |= other.IsDirty;
            isBatchYoung |= other.IsYoung;
            count++;
            next += Pfn.PageSizeBytes;
        }

        batchEnd = next;
    }

    // can_change_pte_writable: a shared page must be dirty already, a private one exclusive.
    private readonly bool CanBecomeWritable(Descriptor entry) =>
        isShared ? entry.IsDirty : frames.IsExclusive(entry);
}
