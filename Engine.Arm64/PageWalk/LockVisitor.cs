using Engine.Arm64.Faults;
using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.PageWalk;

/// <summary>
/// Marks the resident frames of a range as locked or not (<c>mlock_pte_range</c>, mm/mlock.c). A large folio that pages map is locked only where
/// the range has all of it, and once (<c>allow_mlock_munlock</c>).
/// </summary>
internal readonly struct LockVisitor(PageTable tables, UserFrames frames, CpuId cpu, bool isLocked, VirtAddr start, VirtAddr end) : ILeafVisitor
{
    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        if (!descriptor.IsPresent)
        {
            return true;
        }

        bool isPartOfLarge = !descriptor.IsBlock && frames.TryGetLargeAnonymous(descriptor, out _, out _);
        bool isSkipped = isPartOfLarge && (frames.HeadOf(descriptor.Pfn) != descriptor.Pfn
            || (isLocked && FolioAdvice.PassesOver(tables, frames, address, descriptor, start, end)));
        if (!isSkipped)
        {
            frames.SetLocked(cpu, descriptor, isLocked);
        }

        return true;
    }
}
