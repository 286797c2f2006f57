using Engine.Arm64.Faults;
using Engine.Arm64.PageTables;
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

        Descriptor entry = Tables.Read(address, out int level);
        bool isBlock = level == PageTable.HugeLevel;
        uint pageInBlock = isBlock ? (uint)((address - HugeMaps.StartOf(address)) >> Pfn.PageShift) : 0;
        return Machine.UserFrames.ToPageMapEntry(entry, pageInBlock);
    }

    /// <summary>Counts the pages of a VMA as <c>/proc/PID/smaps</c> does.</summary>
    /// <param name="area">A VMA of this process.</param>
    public VmAreaUsage MeasureUsage(VmAreaRef area)
    {
        VmArea content = Memory.Areas[area];
        UsageVisitor visitor = new(Machine.UserFrames, Tables, isLocked: (content.Flags & VmFlags.Locked) != 0);
        Tables.Visit(content.Start, content.LengthBytes, ref visitor);
        return visitor.ToUsage();
    }
}
