using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Arm64.Procfs;

/// <summary>Forgets that pages were used (<c>clear_refs_pte_range</c>, fs/proc/task_mmu.c): the entry is old, the frame not referenced.</summary>
internal readonly struct ClearRefsVisitor(Machine machine, PageTable tables) : ILeafVisitor
{
    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        if (!descriptor.IsPresent || descriptor.IsSpecial || !machine.Pages.Frames.IsValid(descriptor.Pfn))
        {
            return true;
        }

        Pfn head = machine.PageCache.HeadOf(descriptor.Pfn);
        if (level == PageTable.LastLevel && descriptor.IsContiguous)
        {
            tables.TestAndClearYoung(address); // a run is used or unused as a whole
        }
        else
        {
            descriptor = descriptor.MakeOld();
        }

        machine.Pages.Frames[head].Flags &= ~PageFlag.Referenced;
        return true;
    }
}
