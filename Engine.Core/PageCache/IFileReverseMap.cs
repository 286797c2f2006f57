using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <summary>
/// How the page cache reaches the page tables that map its pages. The virtual side implements it
/// (<c>rmap_walk_file</c>, <c>unmap_mapping_range</c>).
/// </summary>
public interface IFileReverseMap
{
    /// <summary>Removes every page-table entry for a range of a file, and gives the references back (<c>unmap_mapping_pages</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="mapping">The file.</param>
    /// <param name="firstPage">First page of the range.</param>
    /// <param name="pageCount">Pages in the range.</param>
    /// <param name="includePrivateCopies">Whether anonymous copies in private mappings go as well (truncation: yes).</param>
    public void UnmapRange(CpuId cpu, FileMapping mapping, ulong firstPage, ulong pageCount, bool includePrivateCopies);

    /// <summary>Frees the last-level tables over 2 MiB of a file, so that a fault can map them by one entry; tables with private copies stay (<c>retract_page_tables</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="mapping">The file.</param>
    /// <param name="firstPage">First page of the 2 MiB, of which nothing is mapped.</param>
    public void RetractTables(CpuId cpu, FileMapping mapping, ulong firstPage);

    /// <summary>Makes every page-table entry of a folio clean and read-only before it is written back (<c>folio_mkclean</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="mapping">The file.</param>
    /// <param name="folio">The folio's first frame.</param>
    /// <returns>Whether any entry was dirty.</returns>
    public bool CleanFolio(CpuId cpu, FileMapping mapping, Pfn folio);
}
