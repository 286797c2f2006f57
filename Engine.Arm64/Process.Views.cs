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

    /// <summary>What <c>/proc/PID/auxv</c> shows: pairs of 64-bit words, type and value, as exec left them; empty before the first exec.</summary>
    public ReadOnlySpan<byte> AuxiliaryVector => space.AuxiliaryVector;

    /// <summary>Reads memory without touching it: no fault, no accessed bit. What ends at the first page that is not in memory.</summary>
    /// <param name="start">First byte.</param>
    /// <param name="end">First byte after what is wanted; no more than 8 MiB are read.</param>
    public byte[] Peek(VirtAddr start, VirtAddr end)
    {
        const ulong lengthMax = 8UL << 20;
        ulong length = end > start ? Math.Min(end - start, lengthMax) : 0;
        byte[] bytes = new byte[length];
        ulong done = 0;
        while (done < length)
        {
            VirtAddr address = start + done;
            if (address >= Memory.Options.TaskSize || !TryFindPage(address, out Pfn page))
            {
                break;
            }

            int inPage = (int)(address.ToUInt64() & (Pfn.PageSizeBytes - 1));
            int count = (int)Math.Min((ulong)(Pfn.PageSizeBytes - inPage), length - done);
            Machine.Memory.GetFrame(page).Slice(inPage, count).CopyTo(bytes.AsSpan((int)done));
            done += (ulong)count;
        }

        return done == length ? bytes : bytes[..(int)done];
    }

    private bool TryFindPage(VirtAddr address, out Pfn page)
    {
        Descriptor entry = Tables.Read(address, out int level);
        ulong inBlock = (address.ToUInt64() >> Pfn.PageShift) & ((1UL << ((PageTable.LastLevel - level) * 9)) - 1);
        page = entry.IsPresent ? entry.Pfn + (uint)inBlock : Pfn.None;
        return entry.IsPresent && Machine.Memory.Contains(page.Address, Pfn.PageSizeBytes);
    }
}
