// Freeing tables, as free_pgtables does when mappings go (mm/memory.c, free_pgd_range): a last-level table goes when the
// unmapped range reaches it and no neighbouring mapping lives in what it translates; the table above goes under the same
// rule. The neighbours are given as floor (where the mapping below ends) and ceiling (where the one above starts).
// Linux trusts its callers; here a table that still has an entry stays, so that a mistake (or a flipped bit) leaks nothing.

using System.Runtime.CompilerServices;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Arm64.PageTables;

public partial class PageTree<TGeometry>
{
    /// <summary>Frees the tables that an unmapped range no longer needs (<c>free_pgd_range</c>). A table with an entry left in it stays.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="start">The range's first address.</param>
    /// <param name="lengthBytes">The range's length.</param>
    /// <param name="floor">Where the mapping below the range ends; the half's start where there is none.</param>
    /// <param name="ceiling">Where the mapping above the range starts; null where there is none.</param>
    /// <returns>Tables freed.</returns>
    public int FreeTables(CpuId cpu, VirtAddr start, ulong lengthBytes, VirtAddr floor, VirtAddr? ceiling)
    {
        if (!TryToRange(start, lengthBytes, out ulong offset, out ulong end))
        {
            return 0;
        }

        ulong top = ceiling is { } limit ? ToOffset(limit) : 1UL << TGeometry.VirtualAddressBits;
        if (!ReachesWholeTable(offset, end, ToOffset(floor), top))
        {
            return 0;
        }

        int before = PageTablePages;
        if (TableView<TGeometry>.TryOpen(memory, Root.Address, out TableView<TGeometry> root))
        {
            FreeBelow(cpu, root, TGeometry.StartLevel, offset, end, ToOffset(floor), top);
        }
        else
        {
            ReportBadTable(Root.Address);
        }

        return before - PageTablePages;
    }

    /// <summary>Frees all tables, the root last. What leaves still map is forgotten: unmap first. The tree must not be used any more.</summary>
    public void Destroy(CpuId cpu)
    {
        ulong end = 1UL << TGeometry.VirtualAddressBits;
        if (TableView<TGeometry>.TryOpen(memory, Root.Address, out TableView<TGeometry> root))
        {
            LeafEraser eraser = default;
            VisitTable(root, TGeometry.StartLevel, 0, end, ref eraser);
            FreeBelow(cpu, root, TGeometry.StartLevel, 0, end, 0, end);
        }

        Release(cpu, Root);
    }

    // Whether a last-level table that the range reaches translates nothing beyond the neighbours: only then can any table go.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool ReachesWholeTable(ulong offset, ulong end, ulong floor, ulong ceiling)
    {
        ulong tableBytes = 1UL << EntryShift(HugeLevel);
        ulong first = offset & ~(tableBytes - 1);
        ulong last = ((end - 1) & ~(tableBytes - 1)) + tableBytes;
        first = first < floor ? first + tableBytes : first;
        last = last > ceiling ? last - tableBytes : last;
        return first < last;
    }

    // Frees what lies below the entries of a table that translate [offset, end).
    private void FreeBelow(CpuId cpu, TableView<TGeometry> table, int level, ulong offset, ulong end, ulong floor, ulong ceiling)
    {
        int shift = EntryShift(level);
        ulong tableStart = offset & ~(((ulong)TableView<TGeometry>.EntryCount << shift) - 1);
        int endIndex = (int)Math.Min((ulong)TableView<TGeometry>.EntryCount, ((end - tableStart - 1) >> shift) + 1);
        for (int index = table.IndexOfUsed(IndexOf(offset, level), endIndex); index < endIndex; index = table.IndexOfUsed(index + 1, endIndex))
        {
            ref Descriptor entry = ref table[index];
            ulong entryStart = tableStart + ((ulong)index << shift);
            ulong entryEnd = entryStart + (1UL << shift);
            if (!entry.IsTable || !TryOpenChild(entry, level + 1, entryStart, out TableView<TGeometry> child))
            {
                // A leaf that the caller left, or garbage: reported where it is garbage, and kept.
                continue;
            }

            if (level + 1 < LastLevel)
            {
                FreeBelow(cpu, child, level + 1, Math.Max(offset, entryStart), Math.Min(end, entryEnd), floor, ceiling);
            }

            if (entryStart >= floor && entryEnd <= ceiling && child.IsEmpty)
            {
                Pfn freed = entry.Pfn;
                entry = Descriptor.None;
                Release(cpu, freed);
                PageTablePages--;
            }
        }
    }

    private void Release(CpuId cpu, Pfn table)
    {
        if (!allocator.Frames.IsValid(table))
        {
            allocator.Log.Report(new Corruption(CorruptionCategory.PageTable, "freed table is not RAM", table.Address, 0, table.ToUInt32()));
            return;
        }

        ref Frame frame = ref allocator.Frames[table];
        frame.Private = 0;
        frame.Index = 0;
        allocator.Free(cpu, table, new Order(TGeometry.PageShift - Pfn.PageShift));
    }
}
