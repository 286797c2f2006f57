using Engine.Arm64.Faults;
using Engine.Arm64.PageTables;
using Engine.Arm64.PageWalk;
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
        return Machine.UserFrames.ToPageMapEntry(entry, pageInBlock, asksFirstPage: Machine.Options.Release != KernelRelease.Linux69);
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
        UsageVisitor visitor = new(Machine.UserFrames, Tables, isLocked: (content.Flags & VmFlags.Locked) != 0);
        Tables.Visit(content.Start, content.LengthBytes, ref visitor);
        VmAreaUsage usage = visitor.ToUsage();
        ulong swapped = CountSwappedShmem(in content);
        return swapped == 0 ? usage : usage with { SwapPages = usage.SwapPages + swapped };
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
