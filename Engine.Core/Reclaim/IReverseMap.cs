using Engine.Core.Units;

namespace Engine.Core.Reclaim;

/// <summary>How reclaim reaches the page tables that map a frame. The virtual side implements it (mm/rmap.c).</summary>
public interface IReverseMap
{
    /// <summary>
    /// Removes every page-table entry that maps a frame (<c>try_to_unmap</c>). An anonymous frame's entries become swap entries of its slot;
    /// one without a slot (lazily freed) leaves nothing, but for a frame that was written since: that one becomes swap-backed again and stays.
    /// </summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="pfn">The frame.</param>
    /// <returns>Whether nothing maps it any more.</returns>
    public bool TryUnmap(CpuId cpu, Pfn pfn);

    /// <summary>Makes single pages of a large anonymous folio (<c>split_folio_to_list</c>); they are on their lists afterwards.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="head">The folio.</param>
    /// <param name="keepsZeroes">Whether pages of zeroes stay where the zero page would take their place.</param>
    /// <returns>False where somebody else holds it, or it was to be freed lazily and was written since: that one is swap-backed again.</returns>
    public bool TrySplit(CpuId cpu, Pfn head, bool keepsZeroes);

    /// <summary>How many entries were used since the last call; they look unused now (<c>folio_referenced</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="pfn">The frame.</param>
    /// <param name="isLocked">Whether a mapping that mlock keeps was found.</param>
    public int CountReferences(CpuId cpu, Pfn pfn, out bool isLocked);
}
