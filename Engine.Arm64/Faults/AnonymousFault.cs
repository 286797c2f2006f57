using System.Numerics;
using System.Runtime.CompilerServices;
using Engine.Arm64.HugePages;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <summary>The first touch of a private anonymous page (<c>do_anonymous_page</c>, mm/memory.c).</summary>
internal static class AnonymousFault
{
    // All orders below that of a block.
    private const uint SmallerOrders = (1u << HugePageOptions.HugeOrder) - 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FaultResult Handle(ref VmFault fault)
    {
        return fault.IsWrite ? MapNewFrame(ref fault) : MapZeroPage(ref fault);
    }

    // The zero page is special: not counted in the resident set, not referenced.
    private static FaultResult MapZeroPage(ref VmFault fault)
    {
        if (!fault.TryPrepareEntry())
        {
            return FaultResult.OutOfMemory;
        }

        fault.Entry = Descriptor.ForPage(fault.Frames.ZeroPage, fault.Protection).MakeSpecial();

        fault.Process.Faults.CountCause(FaultCause.ZeroPage);
        return FaultResult.Minor;
    }

    private static FaultResult MapNewFrame(ref VmFault fault)
    {
        if (!fault.TryPrepareEntry() || !fault.Process.Memory.PrepareAnonVma(fault.Cpu, fault.AreaRef))
        {
            return FaultResult.OutOfMemory;
        }

        uint orders = fault.Process.Machine.HugePages.OrdersFor(fault.Area.Flags, fault.Process.Memory.State.IsThpDisabled != 0) & SmallerOrders;
        if (orders != 0 && TryMapFolio(ref fault, orders))
        {
            return FaultResult.Minor;
        }

        if (!fault.Frames.TryAllocate(fault.Cpu, GfpFlags.Zero, out Pfn pfn))
        {
            return FaultResult.OutOfMemory;
        }

        fault.Frames.AddNewAnonymous(fault.Cpu, pfn, fault.Process.Memory.Areas[fault.AreaRef], fault.Address);
        fault.Process.Memory.State.AnonPages++;
        fault.Entry = fault.MakeWritableIfAllowed(Descriptor.ForPage(pfn, fault.Protection).MakeDirty());
        fault.Process.Faults.CountCause(FaultCause.ZeroFill);
        fault.Process.Machine.Pages.PrefetchNext(fault.Cpu, GfpFlags.HighUserMovable);
        return FaultResult.Minor;
    }

    // alloc_anon_folio: of the orders whose aligned place lies within the VMA the largest of which no page is mapped; a
    // smaller one where there is no memory for it.
    private static bool TryMapFolio(ref VmFault fault, uint orders)
    {
        GfpFlags gfp = fault.Process.Machine.HugePages.GfpFor(fault.Area.Flags);
        bool isEmpty = false;
        for (int order = BitOperations.Log2(orders); orders != 0; orders &= ~(1u << order), order = BitOperations.Log2(orders | 1))
        {
            ulong bytes = (ulong)Pfn.PageSizeBytes << order;
            VirtAddr start = new(fault.Address.ToUInt64() & ~(bytes - 1));
            if (start < fault.Area.Start || fault.Area.End - start < bytes)
            {
                continue;
            }

            isEmpty = isEmpty || fault.Tables.IsRangeEmpty(start, 1 << order);
            if (!isEmpty)
            {
                continue;
            }

            if (fault.Frames.TryAllocateFolio(fault.Cpu, order, gfp, out Pfn head))
            {
                MapFolio(ref fault, head, start, 1 << order);
                return true;
            }

            fault.Frames.HugeCounters.Add(HugePageEvent.SmallerFallback);
        }

        return false;
    }

    private static void MapFolio(ref VmFault fault, Pfn head, VirtAddr start, int pageCount)
    {
        fault.Frames.AddNewAnonymousFolio(fault.Process, fault.Cpu, head, fault.Process.Memory.Areas[fault.AreaRef], start, isBlock: false);
        Descriptor entry = fault.MakeWritableIfAllowed(Descriptor.ForPage(head, fault.Protection).MakeDirty());
        fault.Tables.SetPages(fault.Cpu, start, head, entry.Attributes, pageCount);
        fault.Frames.HugeCounters.Add(HugePageEvent.SmallerAllocation);
        fault.Process.Faults.CountCause(FaultCause.ZeroFill);
    }
}
