using Engine.Arm64.Faults;
using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Swap;
using Engine.Core.Units;

namespace Engine.Arm64.Rmap;

/// <summary>Counts what the entries of page tables refer to, for whoever checks the counts that are kept.</summary>
internal struct MappingCount(Dictionary<Pfn, int> frames, Dictionary<SwapEntry, uint> slots) : ILeafVisitor
{
    /// <summary>Swap entries seen.</summary>
    public long SwapEntries { get; private set; }

    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        if (descriptor.IsSwap)
        {
            SwapEntry slot = UserFrames.ToSwapEntry(descriptor);
            slots[slot] = slots.GetValueOrDefault(slot) + 1;
            SwapEntries++;
        }
        else if (descriptor.IsPresent && !descriptor.IsSpecial && level == PageTable.LastLevel)
        {
            frames[descriptor.Pfn] = frames.GetValueOrDefault(descriptor.Pfn) + 1;
        }

        return true;
    }
}
