using System.Runtime.CompilerServices;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.PageTables;

/// <content>The tables of a child.</content>
public partial class PageTree<TGeometry>
{
    /// <summary>Makes the tables of a level above the last, down to the entry that would lead to it (<c>pmd_alloc</c>, <c>pud_alloc</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">An address in the range that the entry translates.</param>
    /// <param name="level">The level of the entry.</param>
    /// <returns>False where there is no memory for a table, or a block is in the way; nothing has changed then.</returns>
    public bool TryPrepareUpper(CpuId cpu, VirtAddr address, int level) => !Unsafe.IsNullRef(ref Prepare(cpu, ToOffset(address), level));

    /// <summary>Makes the tables that another tree has for a range, whether they hold entries or not: fork copies a table at a time (<c>copy_page_range</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="source">The parent's tree.</param>
    /// <param name="start">First address.</param>
    /// <param name="lengthBytes">Length in bytes.</param>
    /// <returns>False where there is no memory; the tables made so far stay.</returns>
    public bool TryPrepareLike(CpuId cpu, PageTree<TGeometry> source, VirtAddr start, ulong lengthBytes)
    {
        if (!TryToRange(start, lengthBytes, out ulong offset, out ulong end))
        {
            return true;
        }

        while (offset < end)
        {
            int level = TGeometry.StartLevel;
            while (level < LastLevel && source.HasTableBelow(offset, level))
            {
                level++;
                if (Unsafe.IsNullRef(ref Prepare(cpu, offset, level)))
                {
                    return false;
                }
            }

            // The whole of a missing table, or of a last-level one, is done.
            int shift = EntryShift(Math.Min(level, LastLevel - 1));
            offset = ((offset >> shift) + 1) << shift;
        }

        return true;
    }

    /// <summary>Opens the last-level table of an address, and makes the tables that it needs (<c>pte_alloc_map</c>): for who writes many entries of it.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">Any address that the table translates.</param>
    /// <param name="table">The table; an address's entry is at <see cref="PageIndexOf"/>.</param>
    /// <returns>False where there is no memory for a table, or a block is in the way; nothing has changed then.</returns>
    internal bool TryOpenPages(CpuId cpu, VirtAddr address, out TableView<TGeometry> table)
    {
        ulong offset = ToOffset(address);
        table = default;
        return !Unsafe.IsNullRef(ref Prepare(cpu, offset, LastLevel)) && TryFindPages(offset, out table);
    }

    /// <summary>Where an address's entry is in its last-level table.</summary>
    internal static int PageIndexOf(VirtAddr address) => IndexOf(address.ToUInt64(), LastLevel);

    /// <summary>Whether no entry follows an address's in its last-level table.</summary>
    internal static bool IsLastOfTable(VirtAddr address) => PageIndexOf(address) == TableView<TGeometry>.EntryCount - 1;

    /// <summary>Whether no entry precedes an address's in its last-level table.</summary>
    internal static bool IsFirstOfTable(VirtAddr address) => PageIndexOf(address) == 0;

    /// <summary>Which last-level table an address's entry is in, counted from address 0.</summary>
    internal static ulong PagesNumberOf(VirtAddr address) => address.ToUInt64() >> EntryShift(HugeLevel);

    private bool HasTableBelow(ulong offset, int level)
    {
        ref Descriptor entry = ref FindEntry(offset, level);
        return !Unsafe.IsNullRef(ref entry) && entry.IsTable;
    }
}
