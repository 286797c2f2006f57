// Walks over ranges: visiting leaves, moving them, and freeing tables. Empty entries are skipped many at a time.

using System.Runtime.CompilerServices;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.PageTables;

public partial class PageTree<TGeometry>
{
    /// <summary>Calls back for each entry of a range that is not empty, ascending.</summary>
    /// <typeparam name="TVisitor">A struct; its state comes back through the reference.</typeparam>
    /// <param name="start">First address; rounded down to a page.</param>
    /// <param name="lengthBytes">Length in bytes; rounded up to pages.</param>
    /// <param name="visitor">What to do.</param>
    /// <returns>False when the visitor ended the walk.</returns>
    public bool Visit<TVisitor>(VirtAddr start, ulong lengthBytes, ref TVisitor visitor)
        where TVisitor : struct, ILeafVisitor, allows ref struct
    {
        if (!TryToRange(start, lengthBytes, out ulong offset, out ulong end))
        {
            return true;
        }

        if (!TableView<TGeometry>.TryOpen(memory, Root.Address, out TableView<TGeometry> root))
        {
            ReportBadTable(Root.Address);
            return true;
        }

        return offset >> EntryShift(HugeLevel) == (end - 1) >> EntryShift(HugeLevel)
            ? VisitWithinTable(root, offset, end, ref visitor)
            : VisitTable(root, TGeometry.StartLevel, offset, end, ref visitor);
    }

    /// <summary>Moves all entries of a range to another place, as <c>mremap</c> does (<c>move_page_tables</c>); whole tables where both places allow.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="from">First address, a multiple of the page size.</param>
    /// <param name="to">First address of the new place, a multiple of the page size; must be empty. The ranges may overlap only where <paramref name="to"/> is lower.</param>
    /// <param name="lengthBytes">A multiple of the page size.</param>
    /// <returns>Bytes moved: less than <paramref name="lengthBytes"/> where there was no memory for a table, or a block lay across the way.</returns>
    public ulong Move(CpuId cpu, VirtAddr from, VirtAddr to, ulong lengthBytes)
    {
        if (!TryToRange(from, lengthBytes, out ulong start, out ulong end))
        {
            return 0;
        }

        ulong target = ToOffset(to);
        int tableShift = EntryShift(LastLevel - 1);
        ulong tableBytes = 1UL << tableShift;
        for (ulong offset = start; offset < end;)
        {
            ulong destination = target + (offset - start);
            ulong next = Math.Min(((offset >> tableShift) + 1) << tableShift, end);
            bool isWholeTable = next - offset == tableBytes && (destination & (tableBytes - 1)) == 0;
            if (!isWholeTable || !TryMoveTable(cpu, offset, destination))
            {
                if (!MovePages(cpu, offset, next, destination))
                {
                    return offset - start;
                }
            }

            offset = next;
        }

        return lengthBytes;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryToRange(VirtAddr start, ulong lengthBytes, out ulong offset, out ulong end)
    {
        offset = ToOffset(start) & ~(PageSizeBytes - 1);
        end = 0;
        if (lengthBytes == 0)
        {
            return false;
        }

        ulong last = ToOffset(start + (lengthBytes - 1));
        end = (last | (PageSizeBytes - 1)) + 1;
        return end > offset;
    }

    // A range within one last-level table: one way down, and none back.
    private bool VisitWithinTable<TVisitor>(TableView<TGeometry> table, ulong offset, ulong end, ref TVisitor visitor)
        where TVisitor : struct, ILeafVisitor, allows ref struct
    {
        int shift = EntryShift(TGeometry.StartLevel);
        for (int level = TGeometry.StartLevel; level < LastLevel; level++, shift -= TGeometry.PageShift - 3)
        {
            ref Descriptor entry = ref table[(int)(offset >> shift)];
            ulong entryStart = offset & (ulong.MaxValue << shift);
            if (entry.IsNone)
            {
                return true;
            }

            if (!entry.IsTable)
            {
                return visitor.Visit(ToAddress(entryStart), level, ref entry);
            }

            if (!TryOpenChild(entry, level + 1, entryStart, out table))
            {
                return true;
            }
        }

        return VisitPages(table, offset, end, ref visitor);
    }

    // A table above the last level.
    private bool VisitTable<TVisitor>(TableView<TGeometry> table, int level, ulong offset, ulong end, ref TVisitor visitor)
        where TVisitor : struct, ILeafVisitor, allows ref struct
    {
        int shift = EntryShift(level);
        ulong tableStart = offset & ~(((ulong)TableView<TGeometry>.EntryCount << shift) - 1);
        int index = IndexOf(offset, level);
        int endIndex = (int)Math.Min((ulong)TableView<TGeometry>.EntryCount, ((end - tableStart - 1) >> shift) + 1);
        for (; index < endIndex; index++)
        {
            ref Descriptor entry = ref table[index];
            if (entry.IsNone)
            {
                index = table.IndexOfUsed(index, endIndex);
                if (index == endIndex)
                {
                    break;
                }

                entry = ref table[index];
            }

            ulong entryStart = tableStart + ((ulong)index << shift);
            if (!entry.IsTable)
            {
                if (!visitor.Visit(ToAddress(entryStart), level, ref entry))
                {
                    return false;
                }
            }
            else if (TryOpenChild(entry, level + 1, entryStart, out TableView<TGeometry> child))
            {
                ulong childStart = Math.Max(entryStart, offset);
                ulong childEnd = Math.Min(entryStart + (1UL << shift), end);
                if (level + 1 == LastLevel ? !VisitPages(child, childStart, childEnd, ref visitor) : !VisitTable(child, level + 1, childStart, childEnd, ref visitor))
                {
                    return false;
                }
            }
        }

        return true;
    }

    // Of a last-level table: most of a walk is here, so the loop holds nothing but its own.
    private bool VisitPages<TVisitor>(TableView<TGeometry> table, ulong offset, ulong end, ref TVisitor visitor)
        where TVisitor : struct, ILeafVisitor, allows ref struct
    {
        VirtAddr address = ToAddress(offset & ~(PageSizeBytes - 1));
        int index = IndexOf(offset, LastLevel);
        int endIndex = index + (int)((end - 1 - (offset & ~(PageSizeBytes - 1))) >> TGeometry.PageShift) + 1;
        for (; index < endIndex; index++, address += PageSizeBytes)
        {
            ref Descriptor entry = ref table[index];
            if (entry.IsNone)
            {
                int used = table.IndexOfUsed(index, endIndex);
                if (used == endIndex)
                {
                    break;
                }

                address += (ulong)(uint)(used - index) << TGeometry.PageShift;
                index = used;
                entry = ref table[index];
            }

            if (!visitor.Visit(address, LastLevel, ref entry))
            {
                return false;
            }
        }

        return true;
    }

    // move_normal_pmd: hands a whole last-level table over. Both places are aligned to what it translates.
    private bool TryMoveTable(CpuId cpu, ulong offset, ulong destination)
    {
        ref Descriptor source = ref FindEntry(offset, LastLevel - 1);
        if (Unsafe.IsNullRef(ref source) || source.IsNone)
        {
            return TryPrepareUpperLike(cpu, offset, destination);
        }

        if (!source.IsTable)
        {
            return TryMoveHuge(cpu, offset, destination, ref source);
        }

        if (!TryOpenChild(source, LastLevel, offset, out _))
        {
            return false;
        }

        ref Descriptor target = ref Prepare(cpu, destination, LastLevel - 1);
        if (Unsafe.IsNullRef(ref target) || !target.IsNone)
        {
            return false;
        }

        Tag(source.Pfn, LastLevel, destination);
        target = source;
        source = Descriptor.None;
        return true;
    }

    // Linux makes the new tables as it finds the old ones, from the top (alloc_new_pud).
    private bool TryPrepareUpperLike(CpuId cpu, ulong offset, ulong destination)
    {
        bool hasUpper = LastLevel - 2 >= TGeometry.StartLevel && HasTableBelow(offset, LastLevel - 2);
        return !hasUpper || !Unsafe.IsNullRef(ref Prepare(cpu, destination, LastLevel - 2));
    }

    // move_ptes: within one last-level table of the source.
    private bool MovePages(CpuId cpu, ulong offset, ulong end, ulong destination)
    {
        ref Descriptor link = ref FindEntry(offset, LastLevel - 1);
        if (Unsafe.IsNullRef(ref link) || link.IsNone)
        {
            return TryPrepareUpperLike(cpu, offset, destination);
        }

        if (!link.IsTable || !TryOpenChild(link, LastLevel, offset & (ulong.MaxValue << EntryShift(LastLevel - 1)), out TableView<TGeometry> table))
        {
            return false;
        }

        for (ulong at = offset; at < end; at += PageSizeBytes)
        {
            ref Descriptor source = ref table[IndexOf(at, LastLevel)];
            ulong place = destination + (at - offset);
            bool isFirstOfTable = at == offset || (place & ((1UL << EntryShift(LastLevel - 1)) - 1)) == 0;
            if (source.IsNone && !isFirstOfTable)
            {
                continue;
            }

            ref Descriptor target = ref Prepare(cpu, destination + (at - offset), LastLevel);
            if (Unsafe.IsNullRef(ref target))
            {
                // What this table already gave goes back, so that the count of moved bytes is exact.
                return UndoMove(offset, at, destination, table);
            }

            if (source.IsNone)
            {
                continue; // the table is made all the same (pte_alloc)
            }

            if (IsRun(source))
            {
                Unfold(table, at);
            }

            Descriptor moved = source;
            source = Descriptor.None;
            target = moved;
            if (EndsRun(ToAddress(place), moved))
            {
                TryFoldAt(ToAddress(place));
            }
        }

        return true;
    }

    private bool UndoMove(ulong offset, ulong end, ulong destination, TableView<TGeometry> table)
    {
        for (ulong at = offset; at < end; at += PageSizeBytes)
        {
            ref Descriptor target = ref FindEntry(destination + (at - offset), LastLevel);
            if (!Unsafe.IsNullRef(ref target) && !target.IsNone)
            {
                if (IsRun(target))
                {
                    UnfoldAt(ToAddress(destination + (at - offset)));
                }

                table[IndexOf(at, LastLevel)] = target;
                target = Descriptor.None;
            }
        }

        return false;
    }

    // The entry of a level, of any kind; a null reference where a table above it is missing.
    private ref Descriptor FindEntry(ulong offset, int targetLevel)
    {
        PhysAddr next = Root.Address;
        for (int level = TGeometry.StartLevel; ; level++)
        {
            if (!TableView<TGeometry>.TryOpen(memory, next, out TableView<TGeometry> table))
            {
                ReportBadTable(next);
                return ref Unsafe.NullRef<Descriptor>();
            }

            ref Descriptor entry = ref table[IndexOf(offset, level)];
            if (level == targetLevel)
            {
                return ref entry;
            }

            if (!entry.IsTable)
            {
                return ref Unsafe.NullRef<Descriptor>();
            }

            next = entry.OutputAddress;
        }
    }
}
