using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.Faults;

/// <summary>Marks the resident frames of a range as locked or not (<c>mlock_pte_range</c>, mm/mlock.c).</summary>
internal readonly struct LockVisitor(UserFrames frames, bool isLocked) : ILeafVisitor
{
    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        if (descriptor.IsPresent)
        {
            frames.SetLocked(descriptor, isLocked);
        }

        return true;
    }
}
