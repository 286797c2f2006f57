using Engine.Arm64.Faults;
using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.PageWalk;

/// <summary>MADV_WILLNEED of anonymous memory: swapped pages come into the swap cache (<c>swapin_walk_pmd_entry</c>, mm/madvise.c).</summary>
internal readonly struct WillNeedVisitor(Machine machine, CpuId cpu) : ILeafVisitor
{
    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        if (descriptor.IsSwap)
        {
            _ = SwapReadahead.ReadIntoCache(machine, cpu, UserFrames.ToSwapEntry(descriptor));
        }

        return true;
    }
}
