// Faults where a block of level 2 is, or could be (mm/huge_memory.c: do_huge_pmd_anonymous_page, do_huge_pmd_wp_page,
// huge_pmd_set_accessed). What cannot be done with a block falls back to pages.

using Engine.Arm64.HugePages;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <summary>Maps and copies huge pages.</summary>
internal static class HugeFault
{
    private const uint HugeOrderBit = 1u << HugePageOptions.HugeOrder;

    /// <summary>The first touch of 2 MiB of anonymous memory that have no table yet.</summary>
    /// <param name="fault">The fault.</param>
    /// <param name="result">How it ended, where it did.</param>
    /// <returns>False where pages are to be used (<c>VM_FAULT_FALLBACK</c>).</returns>
    public static bool TryMap(ref VmFault fault, out FaultResult result)
    {
        result = FaultResult.Minor;
        VirtAddr start = HugeMaps.StartOf(fault.Address);
        Machine machine = fault.Process.Machine;
        uint orders = machine.HugePages.OrdersFor(fault.Area.Flags, fault.Process.Memory.State.IsThpDisabled != 0);
        if ((orders & HugeOrderBit) == 0 || start < fault.Area.Start || fault.Area.End - start < HugeMaps.Bytes)
        {
            return false;
        }

        if (!fault.Process.Memory.PrepareAnonVma(fault.Cpu, fault.AreaRef))
        {
            result = FaultResult.OutOfMemory;
            return true;
        }

        return !fault.IsWrite && machine.HugePages.UsesZeroPage
            ? TryMapZero(ref fault, start, out result)
            : TryMapFolio(ref fault, start, isReserved: false, out result);
    }

    /// <summary>A fault on memory that a block maps.</summary>
    /// <returns>False where pages are to be used: the block has been split then.</returns>
    public static bool TryHandleMapped(ref VmFault fault, out FaultResult result)
    {
        result = FaultResult.Minor;
        Descriptor block = fault.Original;
        if (fault.Origin == FaultOrigin.Unshare)
        {
            // A page that others map becomes the process's own; the block's other pages stay as they are.
            return (!block.IsSpecial && fault.Frames.CanReuse(block, mayReuseLarge: false)) || !HugeMaps.Split(fault.Process, fault.Cpu, fault.Address);
        }

        if (!fault.IsWrite || block.IsWritable)
        {
            Set(ref fault, fault.IsWrite ? block.MakeYoung().MakeDirty() : block.MakeYoung(), FaultCause.AccessFlags);
            return true;
        }

        if (block.IsSpecial)
        {
            // Before Linux 6.13 a write to the huge zero page made pages of it.
            bool isReplaced = fault.Process.Machine.Options.Release != KernelRelease.Linux69
                && TryMapFolio(ref fault, HugeMaps.StartOf(fault.Address), isReserved: true, out result);
            return isReplaced || !HugeMaps.Split(fault.Process, fault.Cpu, fault.Address);
        }

        if (fault.Frames.CanReuse(block, mayReuseLarge: false))
        {
            Set(ref fault, fault.MakeWritableIfAllowed(block.MakeYoung().MakeDirty()), FaultCause.Reuse);
            return true;
        }

        return !HugeMaps.Split(fault.Process, fault.Cpu, fault.Address);
    }

    private static void Set(ref VmFault fault, Descriptor block, FaultCause cause)
    {
        VirtAddr start = HugeMaps.StartOf(fault.Address);
        fault.Tables.SetHuge(start, block);
        fault.Process.FlushHuge(start);
        fault.Process.Faults.CountCause(cause);
    }

    private static bool TryMapZero(ref VmFault fault, VirtAddr start, out FaultResult result)
    {
        result = FaultResult.Minor;
        if (!fault.Frames.TryGetHugeZeroPage(fault.Cpu, out Pfn zero))
        {
            fault.Frames.HugeCounters.Add(HugePageEvent.FaultFallback);
            return false;
        }

        if (!fault.Tables.TryMapHuge(fault.Cpu, start, Descriptor.ForBlock(zero, fault.Protection).MakeSpecial(), isReserving: true))
        {
            result = FaultResult.OutOfMemory;
            return true;
        }

        fault.Process.Faults.CountCause(FaultCause.ZeroPage);
        return true;
    }

    // __do_huge_pmd_anonymous_page; over the huge zero page do_huge_zero_wp_pmd.
    private static bool TryMapFolio(ref VmFault fault, VirtAddr start, bool isReserved, out FaultResult result)
    {
        result = FaultResult.Minor;
        UserFrames frames = fault.Frames;
        GfpFlags gfp = fault.Process.Machine.HugePages.GfpFor(fault.Area.Flags);
        if (!frames.TryAllocateFolio(fault.Cpu, HugePageOptions.HugeOrder, gfp, out Pfn head))
        {
            frames.HugeCounters.Add(HugePageEvent.FaultFallback);
            return false;
        }

        Descriptor block = Descriptor.ForBlock(head, fault.Protection).MakeDirty();
        block = (fault.Area.Flags & Processes.VmFlags.Write) != 0 ? block.MakeWritable() : block;
        if (isReserved)
        {
            fault.Tables.SetHuge(start, Descriptor.None);
            fault.Process.FlushHuge(start);
            fault.Tables.TryMapHuge(fault.Cpu, start, block, isReserving: false);
        }
        else if (!fault.Tables.TryMapHuge(fault.Cpu, start, block, isReserving: true))
        {
            frames.FreeUnmapped(fault.Cpu, head);
            result = FaultResult.OutOfMemory;
            return true;
        }

        frames.AddNewAnonymousFolio(fault.Process, fault.Cpu, head, fault.Process.Memory.Areas[fault.AreaRef], start, isBlock: true);
        frames.HugeCounters.Add(HugePageEvent.FaultAllocation);
        fault.Process.Faults.CountCause(FaultCause.ZeroFill);
        return true;
    }
}
