using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.Faults;

/// <summary>MADV_COLD: pages that only this entry maps look unused (<c>madvise_cold_or_pageout_pte_range</c>, mm/madvise.c).</summary>
internal struct ColdVisitor(UserFrames frames) : ILeafVisitor
{
    /// <summary>Entries changed.</summary>
    public int Changed { get; private set; }

    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        if (descriptor.IsPresent && frames.TryDeactivate(descriptor))
        {
            Changed += descriptor.IsYoung ? 1 : 0;
            descriptor = descriptor.MakeOld();
        }

        return true;
    }
}
