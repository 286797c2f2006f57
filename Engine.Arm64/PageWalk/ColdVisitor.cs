using Engine.Arm64.Faults;
using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.PageWalk;

/// <summary>MADV_COLD: pages that only this process maps look unused (<c>madvise_cold_or_pageout_pte_range</c>, mm/madvise.c). Large folios that the range covers in part have been split where they can be.</summary>
internal struct ColdVisitor(PageTable tables, UserFrames frames, VirtAddr start, VirtAddr end) : ILeafVisitor
{
    /// <summary>Entries changed.</summary>
    public int Changed { get; private set; }

    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        if (descriptor.IsPresent && !FolioAdvice.PassesOver(tables, frames, address, descriptor, start, end) && frames.TryDeactivate(descriptor))
        {
            Changed += descriptor.IsYoung ? 1 : 0;
            descriptor = descriptor.MakeOld();
        }

        return true;
    }
}
