using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;
using Mmsim.Traces.Pages;

namespace Mmsim.Compare;

/// <summary>Counts the pages of an address space that are mapped and that the trace touches. Both come by ascending address.</summary>
internal struct TouchedPages(IReadOnlyList<PageUseEntry> used) : ILeafVisitor
{
    private int next;

    /// <summary>Pages found so far.</summary>
    public ulong Count { get; private set; }

    /// <inheritdoc/>
    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        ulong start = address.ToUInt64();
        ulong end = start + (level == PageTable.LastLevel ? Pfn.PageSizeBytes : Order.PageBlock.LengthBytes);
        while (next < used.Count && used[next].Page.ToUInt64() < start)
        {
            next++;
        }

        while (next < used.Count && used[next].Page.ToUInt64() < end)
        {
            // The zero page is nobody's memory.
            Count += descriptor.IsPresent && !descriptor.IsSpecial ? 1UL : 0;
            next++;
        }

        return next < used.Count;
    }
}
