// A fault on one of several pages that lie in swap space in a row brings them all back as one folio (alloc_swap_folio, can_swapin_thp,
// mm/memory.c, since Linux 6.12): from a synchronous device, for sizes below 2 MiB that faults of this VMA may use, where the slots are
// aligned as the addresses.

using System.Numerics;
using Engine.Arm64.HugePages;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Swap;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <summary>Brings back many pages from swap space at once.</summary>
internal static class LargeSwapFault
{
    private const uint SmallerOrders = (1u << HugePageOptions.HugeOrder) - 1;

    /// <summary>Resolves a fault on a page whose slot nobody else refers to and no frame caches.</summary>
    /// <returns>False where one page alone is to be brought back.</returns>
    public static bool TryHandle(ref VmFault fault, SwapEntry entry)
    {
        Machine machine = fault.Process.Machine;
        uint orders = machine.HugePages.OrdersFor(fault.Area.Flags, fault.Process.Memory.State.IsThpDisabled != 0) & SmallerOrders;
        if (orders == 0 || !fault.Area.IsAnonymous || machine.Options.Release == KernelRelease.Linux69)
        {
            return false;
        }

        GfpFlags gfp = machine.HugePages.GfpFor(fault.Area.Flags);
        bool isInSwap = false;
        for (; orders != 0; orders &= ~(1u << BitOperations.Log2(orders)))
        {
            int order = BitOperations.Log2(orders);
            isInSwap = isInSwap || IsInSwap(in fault, entry, order);
            if (isInSwap && fault.Frames.TryAllocateFolio(fault.Cpu, order, gfp, out Pfn head))
            {
                Map(ref fault, entry, head, order);
                return true;
            }
        }

        return false;
    }

    // thp_vma_suitable_orders, thp_swap_suitable_orders, can_swapin_thp
    private static bool IsInSwap(in VmFault fault, SwapEntry entry, int order)
    {
        ulong mask = (1UL << order) - 1;
        ulong place = (fault.Address.ToUInt64() >> Pfn.PageShift) & mask;
        if (!fault.Area.HasRoomFor(fault.Address, order) || place != (entry.Offset & mask))
        {
            return false;
        }

        VirtAddr start = new(fault.Address.ToUInt64() - (place << Pfn.PageShift));
        for (ulong i = 0; i <= mask; i++)
        {
            if (fault.Tables.Read(start + (i << Pfn.PageShift)) != Descriptor.ForSwap(entry.Type, entry.Offset - place + i, fault.Original.IsSwapExclusive))
            {
                return false;
            }
        }

        return fault.Frames.Swap.IsReadableAsOne(new SwapEntry(entry.Type, entry.Offset - place), (uint)mask + 1);
    }

    private static void Map(ref VmFault fault, SwapEntry entry, Pfn head, int order)
    {
        UserFrames frames = fault.Frames;
        uint count = 1u << order;
        ulong place = entry.Offset & (count - 1);
        VirtAddr start = new(fault.Address.ToUInt64() - (place << Pfn.PageShift));
        for (uint i = 0; i < count; i++)
        {
            SwapEntry slot = new(entry.Type, entry.Offset - place + i);
            frames.Swap.TryRead(slot, head + i);
            frames.Swap.Free(slot, out _);
        }

        fault.Process.Memory.State.SwapEntries -= count;
        frames.AddNewAnonymousFolio(fault.Process, fault.Cpu, head, fault.Process.Memory.Areas[fault.AreaRef], start, isBlock: false, isLocking: false);
        Descriptor mapped = Descriptor.ForPage(head, fault.Protection);
        mapped = (fault.Area.Flags & Processes.VmFlags.Write) != 0 ? mapped.MakeWritable() : mapped;
        fault.Tables.SetPages(fault.Cpu, start, head, (fault.IsWrite ? mapped.MakeDirty() : mapped.MakeClean()).Attributes, (int)count);
    }
}
