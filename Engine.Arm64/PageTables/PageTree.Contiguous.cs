// Contiguous runs of pages, by the rules of Linux v6.9 (arch/arm64/mm/contpte.c, arch/arm64/include/asm/pgtable.h): an
// aligned run of pages of one folio that translates to an aligned run of frames with equal protection carries the
// contiguous bit, so that a TLB may hold it as one entry. It comes and goes without the caller's doing:
//
//   set of one page        unfolds a run that it falls into; when it is a run's last page, tries to fold
//   set of many            each whole aligned run gets the bit at once
//   clear, write-protect   unfold runs that the range covers in part
//   access flag            set and cleared for the whole run, and read as the OR of the run, as is dirtiness
//   write bit changes      unfold
//
// Fold and unfold go through break-before-make: all entries are cleared (their access flags and dirtiness gathered), the
// TLBs are told, and all entries are written. Only user mappings fold.

using System.Runtime.CompilerServices;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.PageTables;

public partial class PageTree<TGeometry>
{
    /// <summary>Tells folios apart. Null: no run is ever folded.</summary>
    public IFolioBounds? Folios { get; set; }

    /// <summary>Hears of each range whose leaves are replaced. Null: nobody does.</summary>
    public ITlbInvalidator? Invalidator { get; set; }

    /// <summary>Entries in a contiguous run of pages (<c>CONT_PTES</c>).</summary>
    internal static int RunPageCount
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 1 << TGeometry.ContiguousPagesShift;
    }

    private static ulong RunBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (ulong)RunPageCount << TGeometry.PageShift;
    }

    private static uint FramesPerPage => 1u << (TGeometry.PageShift - Pfn.PageShift);

    /// <summary>The page's entry with the run's access flag and dirtiness gathered (<c>ptep_get</c>, <c>contpte_ptep_get</c>).</summary>
    public Descriptor ReadGathered(VirtAddr address)
    {
        ulong offset = ToOffset(address);
        return TryFindPages(offset, out TableView<TGeometry> table) ? Gather(table, IndexOf(offset, LastLevel)) : Read(address);
    }

    /// <summary>Maps one page by the rules of contiguous runs (<c>set_ptes</c> of one).</summary>
    /// <returns>False where there is no memory for a table, or a block is in the way; nothing has changed then.</returns>
    public bool TrySetPage(CpuId cpu, VirtAddr address, Descriptor descriptor)
    {
        ulong offset = ToOffset(address);
        if (Unsafe.IsNullRef(ref Prepare(cpu, offset, LastLevel)) || !TryFindPages(offset, out TableView<TGeometry> table))
        {
            return false;
        }

        SetOne(table, offset, descriptor.MakeNonContiguous());
        return true;
    }

    /// <summary>Maps many pages to consecutive frames where nothing is mapped (<c>set_ptes</c>, <c>contpte_set_ptes</c>): whole aligned runs become contiguous at once.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">The first page.</param>
    /// <param name="pfn">Its first frame.</param>
    /// <param name="attributes">The rest of each descriptor.</param>
    /// <param name="pageCount">Pages of the tree's size.</param>
    /// <returns>Pages mapped: less than asked where there was no memory for a table, or a block is in the way.</returns>
    public int SetPages(CpuId cpu, VirtAddr address, Pfn pfn, PageAttributes attributes, int pageCount)
    {
        ulong offset = ToOffset(address) & ~(PageSizeBytes - 1);
        for (int done = 0; done < pageCount;)
        {
            ulong at = offset + ((ulong)(uint)done << TGeometry.PageShift);
            if (Unsafe.IsNullRef(ref Prepare(cpu, at, LastLevel)) || !TryFindPages(at, out TableView<TGeometry> table))
            {
                return done;
            }

            int index = IndexOf(at, LastLevel);
            Descriptor descriptor = Descriptor.ForPage(pfn + ((uint)done * FramesPerPage), attributes).MakeNonContiguous();
            int toRunEnd = RunPageCount - (index & (RunPageCount - 1));
            int count = Math.Min(toRunEnd, pageCount - done);
            if (pageCount == 1)
            {
                SetOne(table, at, descriptor);
                return 1;
            }

            bool isRun = count == RunPageCount && descriptor.IsValid && Kind == PageTableKind.User && Folios is not null && IsAlignedFrame(descriptor);
            descriptor = isRun ? descriptor.MakeContiguous() : descriptor;
            HasLargeLeaves |= isRun;
            for (int i = 0; i < count; i++)
            {
                table[index + i] = Advance(descriptor, i);
            }

            done += count;
        }

        return pageCount;
    }

    /// <summary>Unmaps pages (<c>clear_full_ptes</c>); runs that the range covers in part are unfolded first. Blocks stay.</summary>
    /// <returns>Entries that were not empty.</returns>
    public int ClearPages(VirtAddr start, ulong lengthBytes)
    {
        UnfoldEdges(start, lengthBytes);
        PageEraser eraser = default;
        Visit(start, lengthBytes, ref eraser);
        return eraser.Count;
    }

    /// <summary>Clears the access flag of a page, and of its whole run (<c>ptep_test_and_clear_young</c>).</summary>
    /// <returns>Whether any of them was set.</returns>
    public bool TestAndClearYoung(VirtAddr address)
    {
        ulong offset = ToOffset(address);
        if (!TryFindPages(offset, out TableView<TGeometry> table))
        {
            return false;
        }

        int index = IndexOf(offset, LastLevel);
        (int first, int count) = IsRun(table[index]) ? (index & ~(RunPageCount - 1), RunPageCount) : (index, 1);
        bool isYoung = false;
        for (int i = first; i < first + count; i++)
        {
            ref Descriptor entry = ref table[i];
            isYoung |= entry.IsYoung;
            entry = entry.MakeOld();
        }

        return isYoung;
    }

    /// <summary>
    /// Sets a page's access flag, dirtiness or write permission after a fault (<c>ptep_set_access_flags</c>): a run keeps
    /// its bit while the write bit stays.
    /// </summary>
    /// <param name="address">The page.</param>
    /// <param name="wanted">The entry as it shall be; its access flag, AP[2] and dirty bits are taken.</param>
    /// <returns>False where nothing changed.</returns>
    public bool SetAccessFlags(VirtAddr address, Descriptor wanted)
    {
        ulong offset = ToOffset(address);
        if (!TryFindPages(offset, out TableView<TGeometry> table))
        {
            return false;
        }

        int index = IndexOf(offset, LastLevel);
        Descriptor old = Gather(table, index).MakeNonContiguous();
        wanted = wanted.MakeNonContiguous();
        if (old == wanted)
        {
            return false;
        }

        if (!IsRun(table[index]) || old.IsWritable != wanted.IsWritable)
        {
            Unfold(table, offset);
            table[index] = MergeAccess(table[index], wanted);
            return true;
        }

        int first = index & ~(RunPageCount - 1);
        for (int i = first; i < first + RunPageCount; i++)
        {
            table[i] = MergeAccess(table[i], wanted);
        }

        return true;
    }

    /// <summary>Makes present pages of a range read-only (<c>wrprotect_ptes</c>); runs that it covers in part are unfolded first.</summary>
    public void WriteProtectPages(VirtAddr start, ulong lengthBytes)
    {
        UnfoldEdges(start, lengthBytes);
        WriteProtector protector = default;
        Visit(start, lengthBytes, ref protector);
    }

    private static bool IsRun(Descriptor entry) => entry.IsValid && entry.IsContiguous;

    private static Descriptor Advance(Descriptor entry, int pages) =>
        new(unchecked(entry.ToUInt64() + (ulong)((long)pages << TGeometry.PageShift)));

    private static bool IsAlignedFrame(Descriptor entry) => (entry.OutputAddress.ToUInt64() & (RunBytes - 1)) == 0;

    private static Descriptor Gather(TableView<TGeometry> table, int index)
    {
        Descriptor entry = table[index];
        if (!IsRun(entry))
        {
            return entry;
        }

        int first = index & ~(RunPageCount - 1);
        for (int i = first; i < first + RunPageCount; i++)
        {
            entry = table[i].IsDirty ? entry.MakeDirty() : entry;
            entry = table[i].IsYoung ? entry.MakeYoung() : entry;
        }

        return entry;
    }

    // __ptep_set_access_flags: AF, write bit and dirty bits may only be added, AP[2] only be taken away.
    private static Descriptor MergeAccess(Descriptor entry, Descriptor wanted)
    {
        const ulong Added = Descriptor.AccessFlagBit | Descriptor.DirtyBitModifierBit | Descriptor.SoftwareDirtyBit;
        ulong value = entry.ToUInt64() | (wanted.ToUInt64() & Added);
        return new Descriptor(wanted.IsReadOnly ? value : value & ~Descriptor.ReadOnlyBit);
    }

    // set_ptes of one: unfold, set, try to fold.
    private void SetOne(TableView<TGeometry> table, ulong offset, Descriptor descriptor)
    {
        Unfold(table, offset);
        int index = IndexOf(offset, LastLevel);
        table[index] = descriptor;
        TryFold(table, offset, index, descriptor);
    }

    // contpte_try_fold and __contpte_try_fold.
    private void TryFold(TableView<TGeometry> table, ulong offset, int index, Descriptor last)
    {
        int lastOfRun = RunPageCount - 1;
        ulong lastFrameInRun = RunBytes - PageSizeBytes;
        bool isCandidate = (index & lastOfRun) == lastOfRun
            && (last.OutputAddress.ToUInt64() & (RunBytes - 1)) == lastFrameInRun
            && last.IsValid && !last.IsContiguous && !last.IsSpecial
            && Kind == PageTableKind.User;
        if (!isCandidate || Folios is null)
        {
            return;
        }

        Descriptor first = Advance(last, -lastOfRun);
        if (!Folios.IsOneFolio(first.Pfn, (uint)RunPageCount * FramesPerPage))
        {
            return;
        }

        Descriptor expected = first.MakeClean().MakeOld();
        for (int i = 0; i < RunPageCount; i++)
        {
            if (table[index - lastOfRun + i].MakeClean().MakeOld() != Advance(expected, i))
            {
                return;
            }
        }

        HasLargeLeaves = true;
        Convert(table, offset, first.MakeContiguous());
    }

    // The fold that the set of a run's last page would try.
    internal void TryFoldAt(VirtAddr address)
    {
        ulong offset = ToOffset(address);
        if (TryFindPages(offset, out TableView<TGeometry> table))
        {
            int index = IndexOf(offset, LastLevel);
            TryFold(table, offset, index, table[index]);
        }
    }

    // contpte_try_unfold.
    private void Unfold(TableView<TGeometry> table, ulong offset)
    {
        int index = IndexOf(offset, LastLevel);
        Descriptor entry = table[index];
        if (IsRun(entry))
        {
            Convert(table, offset, Advance(entry, -(index & (RunPageCount - 1))).MakeNonContiguous());
        }
    }

    // contpte_convert: break, tell the TLBs, make.
    private void Convert(TableView<TGeometry> table, ulong offset, Descriptor first)
    {
        int start = IndexOf(offset, LastLevel) & ~(RunPageCount - 1);
        for (int i = 0; i < RunPageCount; i++)
        {
            Descriptor old = table[start + i];
            table[start + i] = Descriptor.None;
            first = old.IsDirty ? first.MakeDirty() : first;
            first = old.IsYoung ? first.MakeYoung() : first;
        }

        Invalidator?.InvalidateRange(ToAddress(offset & ~(RunBytes - 1)), RunBytes, LastLevel);
        for (int i = 0; i < RunPageCount; i++)
        {
            table[start + i] = Advance(first, i);
        }
    }

    // contpte_try_unfold_partial: the runs at both ends, where the range does not cover them.
    private void UnfoldEdges(VirtAddr start, ulong lengthBytes)
    {
        if (!TryToRange(start, lengthBytes, out ulong offset, out ulong end))
        {
            return;
        }

        UnfoldEdge(offset, offset, end);
        UnfoldEdge(end - PageSizeBytes, offset, end);
    }

    private void UnfoldEdge(ulong at, ulong offset, ulong end)
    {
        ulong runStart = at & ~(RunBytes - 1);
        bool isWhole = runStart >= offset && runStart + RunBytes <= end;
        if (!isWhole && TryFindPages(at, out TableView<TGeometry> table))
        {
            Unfold(table, at);
        }
    }

    // The last-level table of an address.
    private bool TryFindPages(ulong offset, out TableView<TGeometry> table)
    {
        ref Descriptor link = ref FindEntry(offset, LastLevel - 1);
        if (Unsafe.IsNullRef(ref link) || !link.IsTable)
        {
            table = default;
            return false;
        }

        if (TableView<TGeometry>.TryOpen(memory, link.OutputAddress, out table))
        {
            return true;
        }

        ReportBadTable(link.OutputAddress);
        return false;
    }
}
