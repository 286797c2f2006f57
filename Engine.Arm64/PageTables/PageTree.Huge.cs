// Blocks of level 2 in a process's tables: transparent huge pages (mm/huge_memory.c, mm/pgtable-generic.c).
//
// A block of anonymous memory keeps a last-level table in reserve, so that it can be split into pages without asking for
// memory (pgtable_trans_huge_deposit). The reserved tables of all blocks in one level-2 table form a stack: the top's
// frame number lies in Next of that table's descriptor, above bit 0, which says that there is one; the others follow in
// theirs. A reserved table carries a tag of its own; one without it is not taken.

using System.Runtime.CompilerServices;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Arm64.PageTables;

public partial class PageTree<TGeometry>
{
    /// <summary>The level whose blocks are huge pages (the PMD).</summary>
    internal const int HugeLevel = LastLevel - 1;

    // In the tag, instead of a level.
    private const int ReservedTag = LastLevel + 1;

    /// <summary>Whether any block or contiguous run was ever mapped: without, nobody has to look for them.</summary>
    internal bool HasLargeLeaves { get; private set; }

    /// <summary>Bytes that a huge page maps: 2 MiB with 4 KiB pages.</summary>
    internal static ulong HugeBytes => 1UL << EntryShift(HugeLevel);

    /// <summary>Whether a place could take a huge page: neither a block nor a table is there (<c>pmd_none</c>).</summary>
    /// <param name="address">Any address in it.</param>
    internal bool IsHugePlaceEmpty(VirtAddr address)
    {
        ref Descriptor entry = ref FindEntry(ToOffset(address), HugeLevel);
        return Unsafe.IsNullRef(ref entry) || entry.IsNone;
    }

    /// <summary>Maps a huge page where <see cref="IsHugePlaceEmpty"/> (<c>set_pmd_at</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">Any address in it.</param>
    /// <param name="block">The block's descriptor.</param>
    /// <param name="isReserving">Whether a table is kept in reserve: for anonymous memory, not for files.</param>
    /// <returns>False where there is no memory for a table, or something is mapped; nothing is mapped then.</returns>
    internal bool TryMapHuge(CpuId cpu, VirtAddr address, Descriptor block, bool isReserving)
    {
        ulong offset = ToOffset(address);
        ref Descriptor entry = ref Prepare(cpu, offset, HugeLevel);
        if (Unsafe.IsNullRef(ref entry) || !entry.IsNone || (isReserving && !TryReserve(cpu, offset)))
        {
            return false;
        }

        entry = block;
        HasLargeLeaves = true;
        return true;
    }

    /// <summary>Replaces a block by another one or by nothing; its reserved table stays.</summary>
    /// <returns>False where no block is.</returns>
    internal bool SetHuge(VirtAddr address, Descriptor block)
    {
        ref Descriptor entry = ref FindEntry(ToOffset(address), HugeLevel);
        if (Unsafe.IsNullRef(ref entry) || entry.IsNone || entry.IsTable)
        {
            return false;
        }

        entry = block;
        return true;
    }

    /// <summary>Replaces a block by its reserved table, filled with pages (<c>__split_huge_pmd_locked</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">Any address in the block.</param>
    /// <param name="first">The first page's descriptor.</param>
    /// <param name="stepBytes">From one page's memory to the next one's: the page size, or 0 where all show one frame.</param>
    /// <returns>False where there is no block, or neither a reserved table nor memory for one; nothing has changed then.</returns>
    internal bool TrySplitHuge(CpuId cpu, VirtAddr address, Descriptor first, ulong stepBytes)
    {
        ulong offset = ToOffset(address) & ~(HugeBytes - 1);
        ref Descriptor entry = ref FindEntry(offset, HugeLevel);
        if (Unsafe.IsNullRef(ref entry) || entry.IsNone || entry.IsTable)
        {
            return false;
        }

        bool isReserved = TryTakeReserved(offset, out Pfn made);
        if ((!isReserved && !TryAllocateTable(allocator, cpu, tableGfp, out made))
            || !TableView<TGeometry>.TryOpen(memory, made.Address, out TableView<TGeometry> table))
        {
            return false;
        }

        PageTablePages += isReserved ? 0 : 1;
        bool isRun = stepBytes != 0 && first.IsValid && Folios is not null && IsAlignedFrame(first);
        Descriptor page = isRun ? first.MakeContiguous() : first;
        for (int i = 0; i < TableView<TGeometry>.EntryCount; i++)
        {
            table[i] = new Descriptor(unchecked(page.ToUInt64() + ((ulong)(uint)i * stepBytes)));
        }

        Tag(made, LastLevel, offset);
        entry = Descriptor.None;
        Invalidator?.InvalidateRange(ToAddress(offset), HugeBytes, HugeLevel);
        entry = Descriptor.ForTable(made.Address, hierarchicalBits);
        return true;
    }

    /// <summary>Makes one block of a table of pages, which is kept in reserve (<c>collapse_huge_page</c>). The pages' entries are forgotten.</summary>
    /// <param name="address">Any address in the table's range.</param>
    /// <param name="block">The block's descriptor.</param>
    /// <returns>False where there is no such table.</returns>
    internal bool TryCollapseHuge(VirtAddr address, Descriptor block)
    {
        ulong offset = ToOffset(address) & ~(HugeBytes - 1);
        ref Descriptor entry = ref FindEntry(offset, HugeLevel);
        if (Unsafe.IsNullRef(ref entry) || !entry.IsTable || !TryOpenChild(entry, LastLevel, offset, out TableView<TGeometry> table)
            || !TryFindTable(offset, HugeLevel, out Pfn owner))
        {
            return false;
        }

        Pfn kept = entry.Pfn;
        for (int i = 0; i < TableView<TGeometry>.EntryCount; i++)
        {
            table[i] = Descriptor.None;
        }

        entry = Descriptor.None;
        Invalidator?.InvalidateRange(ToAddress(offset), HugeBytes, HugeLevel);
        Push(owner, kept);
        entry = block;
        HasLargeLeaves = true;
        return true;
    }

    /// <summary>Frees the reserved table of a block that is no more (<c>zap_deposited_table</c>).</summary>
    internal void FreeReserved(CpuId cpu, VirtAddr address)
    {
        if (TryTakeReserved(ToOffset(address), out Pfn table))
        {
            Release(cpu, table);
            PageTablePages--;
        }
    }

    /// <summary>Unfolds the run of a page, where it is in one (<c>contpte_try_unfold</c>).</summary>
    internal void UnfoldAt(VirtAddr address)
    {
        ulong offset = ToOffset(address);
        if (TryFindPages(offset, out TableView<TGeometry> table))
        {
            Unfold(table, offset);
        }
    }

    /// <summary>Unfolds the runs that a range covers in part (<c>contpte_try_unfold_partial</c>).</summary>
    internal void UnfoldPartial(VirtAddr start, ulong lengthBytes)
    {
        if (HasLargeLeaves)
        {
            UnfoldEdges(start, lengthBytes);
        }
    }

    /// <summary>Whether a fold is to be tried after a page's entry was written: it is the last of a run, and its frame as well (<c>contpte_try_fold</c>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool EndsRun(VirtAddr address, Descriptor entry)
    {
        ulong last = RunBytes - PageSizeBytes;
        return Folios is not null && (address.ToUInt64() & last) == last && (entry.OutputAddress.ToUInt64() & last) == last && entry.IsValid;
    }

    /// <summary>Whether a page is the last of the contiguous run that it could be in.</summary>
    internal static bool IsLastOfRun(VirtAddr address) => (address.ToUInt64() & (RunBytes - PageSizeBytes)) == RunBytes - PageSizeBytes;

    /// <summary>Whether no page of a range within one last-level table has an entry (<c>pte_range_none</c>).</summary>
    internal bool IsRangeEmpty(VirtAddr start, int pageCount)
    {
        ulong offset = ToOffset(start);
        if (!TryFindPages(offset, out TableView<TGeometry> table))
        {
            return true;
        }

        int index = IndexOf(offset, LastLevel);
        int end = Math.Min(index + pageCount, TableView<TGeometry>.EntryCount);
        return table.IndexOfUsed(index, end) == end;
    }

    // move_huge_pmd: the entry and its reserved table. Both places are aligned to it.
    private bool TryMoveHuge(CpuId cpu, ulong offset, ulong destination, ref Descriptor source)
    {
        ref Descriptor target = ref Prepare(cpu, destination, HugeLevel);
        if (Unsafe.IsNullRef(ref target) || !target.IsNone)
        {
            return false;
        }

        if (TryFindTable(offset, HugeLevel, out Pfn from) && TryFindTable(destination, HugeLevel, out Pfn to) && from != to && TryTakeReserved(offset, out Pfn table))
        {
            Push(to, table);
        }

        target = source;
        source = Descriptor.None;
        return true;
    }

    private bool TryReserve(CpuId cpu, ulong offset)
    {
        if (!TryFindTable(offset, HugeLevel, out Pfn owner) || !TryAllocateTable(allocator, cpu, tableGfp, out Pfn made))
        {
            return false;
        }

        PageTablePages++;
        Push(owner, made);
        return true;
    }

    private void Push(Pfn owner, Pfn table)
    {
        Tag(table, ReservedTag, 0);
        allocator.Frames[table].Next = allocator.Frames[owner].Next;
        allocator.Frames[owner].Next = ((ulong)table.ToUInt32() << 1) | 1;
    }

    private bool TryTakeReserved(ulong offset, out Pfn table)
    {
        table = Pfn.None;
        if (!TryFindTable(offset, HugeLevel, out Pfn owner))
        {
            return false;
        }

        ref ulong top = ref allocator.Frames[owner].Next;
        Pfn found = new((uint)Math.Min(top >> 1, uint.MaxValue));
        if ((top & 1) == 0)
        {
            return false;
        }

        if (!allocator.Frames.IsValid(found) || allocator.Frames[found].Private != TagOf(ReservedTag))
        {
            allocator.Log.Report(new Corruption(CorruptionCategory.PageTable, "reserved table", owner.Address, TagOf(ReservedTag), top));
            top = 0;
            return false;
        }

        ref Frame frame = ref allocator.Frames[found];
        top = frame.Next;
        frame.Next = 0;
        table = found;
        return true;
    }

    // The table that holds the entry of a level.
    private bool TryFindTable(ulong offset, int level, out Pfn table)
    {
        table = Root;
        if (level == TGeometry.StartLevel)
        {
            return true;
        }

        ref Descriptor link = ref FindEntry(offset, level - 1);
        if (Unsafe.IsNullRef(ref link) || !link.IsTable)
        {
            return false;
        }

        table = link.Pfn;
        return allocator.Frames.IsValid(table);
    }
}
