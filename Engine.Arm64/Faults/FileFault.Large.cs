// Large folios of files in faults (do_set_pmd, finish_fault, mm/memory.c; shmem_suitable_orders, mm/shmem.c). A folio of 2 MiB becomes a
// block where the VMA is aligned as the file and nothing else is there. Any other folio is mapped whole where Linux 6.18 may: Linux 6.9 maps
// the page that was touched alone.

using System.Numerics;
using System.Runtime.CompilerServices;
using Engine.Arm64.HugePages;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <content>Large folios.</content>
internal static partial class FileFault
{
    /// <summary>Maps a folio of 2 MiB by one entry (<c>do_set_pmd</c>).</summary>
    /// <returns>False where the VMA, the process or what is there forbids it.</returns>
    public static bool TryMapBlock(ref VmFault fault, Pfn head, bool isWrite)
    {
        VirtAddr start = HugeMaps.StartOf(fault.Address);
        bool isForbidden = fault.Process.Machine.Options.Release != KernelRelease.Linux69
            && !HugePagePolicy.MayCollapse(fault.Area.Flags & ~VmFlags.Special, fault.Process.Memory.State.IsThpDisabled != 0);
        Descriptor block = Descriptor.ForBlock(head, fault.Protection);
        block = isWrite ? fault.MakeWritableIfAllowed(block.MakeDirty()) : block;
        if (isForbidden || !fault.Area.HasRoomFor(fault.Address, HugePageOptions.HugeOrder) || !fault.Tables.IsHugePlaceEmpty(start)
            || !fault.Tables.TryMapHuge(fault.Cpu, start, block, isReserving: false))
        {
            return false;
        }

        fault.Frames.AddFileBlock(fault.Process, fault.Cpu, head, fault.Area.Flags);
        fault.Frames.HugeCounters.Add(HugePageEvent.FileMapped);
        return true;
    }

    // The sizes that the policy allows and the VMA has room for; Linux 6.9 takes 2 MiB whatever the VMA.
    private static uint SharedFolioOrders(in VmFault fault, OpenFile file, ulong index)
    {
        Machine machine = fault.Process.Machine;
        uint allowed = machine.HugePages.Shmem.OrdersFor(file.Mapping, fault.Area.Flags, fault.Process.Memory.State.IsThpDisabled != 0, index, isForced: false);
        if (machine.Options.Release == KernelRelease.Linux69)
        {
            return allowed;
        }

        uint orders = allowed;
        for (uint rest = allowed; rest != 0;)
        {
            int order = BitOperations.Log2(rest);
            if (fault.Area.HasRoomFor(fault.Address, order))
            {
                break; // a smaller one lies in it
            }

            rest &= ~(1u << order);
            orders = rest;
        }

        return orders;
    }

    // finish_fault: the block, or all pages of a folio that lies within the VMA and its table and of which nothing is mapped. What reaches
    // beyond the end of the file is mapped for shared memory alone: elsewhere an access there must end in SIGBUS.
    private static bool TryMapLarge(ref VmFault fault, OpenFile file, Pfn page, bool isWrite)
    {
        uint count = fault.Frames.FolioPagesOf(page, out Pfn head);
        if (count == 1)
        {
            return false;
        }

        bool isRecent = fault.Process.Machine.Options.Release != KernelRelease.Linux69;
        ulong index = fault.Area.PageIndexOf(fault.Address);
        ulong place = page - head;
        bool isWithinFile = file.Mapping.IsShmem || file.Mapping.LengthPages >= index - place + count;
        if (count == PagesPerTable && (isWithinFile || !isRecent) && TryMapBlock(ref fault, head, isWrite))
        {
            return true;
        }

        ulong before = (fault.Address - fault.Area.Start) >> Pfn.PageShift;
        ulong inTable = (fault.Address.ToUInt64() >> Pfn.PageShift) & (PagesPerTable - 1);
        if (!isWithinFile || !isRecent || before < place || before + (count - place) > fault.Area.PageCount
            || inTable < place || inTable + (count - place) > PagesPerTable)
        {
            return false;
        }

        VirtAddr start = new(fault.Address.ToUInt64() - (place << Pfn.PageShift));
        if (!fault.Tables.IsRangeEmpty(start, (int)count) || Unsafe.IsNullRef(ref fault.Tables.Prepare(fault.Cpu, fault.Address)))
        {
            return false;
        }

        Descriptor entry = Descriptor.ForPage(head, fault.Protection);
        entry = isWrite ? entry.MakeDirty().MakeWritable() : entry;
        MapRange(ref fault, start, head, (int)count, entry.Attributes);
        return true;
    }
}
