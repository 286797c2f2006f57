using Engine.Arm64.Faults;
using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.PageWalk;

/// <summary>MADV_FREE: pages become clean and old, and their content may vanish (<c>madvise_free_pte_range</c>, mm/madvise.c). Large folios that the range covers in part have been split where they can be.</summary>
internal struct FreeVisitor(UserFrames frames, Process process, CpuId cpu, VirtAddr start, VirtAddr end) : ILeafVisitor
{
    /// <summary>Entries changed.</summary>
    public int Changed { get; private set; }

    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        if (!descriptor.IsPresent)
        {
            // What is in swap space is gone.
            Descriptor entry = descriptor;
            descriptor = Descriptor.None;
            if (entry.IsSwap)
            {
                frames.FreeSwap(process, cpu, entry);
            }

            return true;
        }

        if (!FolioAdvice.PassesOver(process.Tables, frames, address, descriptor, start, end) && frames.TryMakeLazyFree(descriptor))
        {
            // A contiguous run belongs to one folio, so all of it changes alike and stays a run.
            descriptor = descriptor.MakeClean().MakeOld();
            Changed++;
        }

        return true;
    }
}
