using Engine.Arm64.Faults;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <content>What /proc shows of the process.</content>
public sealed partial class Process
{
    /// <summary>The entry of <c>/proc/PID/pagemap</c> for one page.</summary>
    /// <param name="address">An address in the page.</param>
    public PageMapEntry ReadPageMap(VirtAddr address)
    {
        if (address >= Memory.Options.TaskSize)
        {
            return default;
        }

        Descriptor entry = Tables.Read(address);
        return Machine.UserFrames.ToPageMapEntry(entry);
    }

    // Shared memory's pages in swap space are its object's; a private mapping that can be written has them only where it has no page of its own (smap_gather_stats).
    private ulong CountSwappedShmem(in VmArea area)
    {
        if (area.IsAnonymous || Machine.Files.TryGet(area.File)?.Mapping is not { IsShmem: true, SwappedPages: > 0 } mapping)
        {
            return 0;
        }

        ulong swapped = mapping.CountSwapped(area.PageOffset, area.PageCount);
        if ((area.Flags & VmFlags.Shared) != 0 || (area.Flags & VmFlags.Write) == 0)
        {
            return swapped;
        }

        ulong count = 0;
        for (VirtAddr address = area.Start; count < swapped && address < area.End; address += Pfn.PageSizeBytes)
        {
            count += Tables.Read(address).IsNone && mapping.IsSwapped(area.PageIndexOf(address)) ? 1UL : 0;
        }

        return count;
    }

    /// <summary>Counts the pages of a VMA as <c>/proc/PID/smaps</c> does.</summary>
    /// <param name="area">A VMA of this process.</param>
    public VmAreaUsage MeasureUsage(VmAreaRef area)
    {
        VmArea content = Memory.Areas[area];
        UsageVisitor visitor = new(Machine.UserFrames, isLocked: (content.Flags & VmFlags.Locked) != 0);
        Tables.Visit(content.Start, content.LengthBytes, ref visitor);
        VmAreaUsage usage = visitor.ToUsage();
        ulong swapped = CountSwappedShmem(in content);
        return swapped == 0 ? usage : usage with { SwapPages = usage.SwapPages + swapped };
    }
}
