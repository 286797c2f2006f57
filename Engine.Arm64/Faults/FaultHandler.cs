// The fault path (arch/arm64/mm/fault.c do_page_fault, mm/memory.c handle_mm_fault):
//
//   find the VMA, or grow a stack down to the address       -> SEGV_MAPERR where there is none
//   check that the VMA allows the access                    -> SEGV_ACCERR
//   look at the page-table entry
//     no table there             HugeFault        2 MiB at once where the policy allows
//     empty, anonymous VMA       AnonymousFault   zero page on a read, zeroed frame on a write
//     empty, file VMA            FileFault        from the page cache, which reads what it lacks
//     swap entry                 SwapFault        from the swap cache, or from the device
//     write to a read-only entry CopyOnWrite      copy, or reuse where the frame is exclusive
//     otherwise                                   only accessed and dirty state were missing
//
// Every branch counts its own cause; the result is counted once, here.

using System.Runtime.CompilerServices;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Diagnostics;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <summary>Resolves the faults of user accesses.</summary>
internal static class FaultHandler
{
    /// <summary>Handles one fault.</summary>
    /// <param name="process">The process that faulted.</param>
    /// <param name="cpu">The CPU that it runs on.</param>
    /// <param name="address">The faulting address.</param>
    /// <param name="kind">What the access wanted.</param>
    public static FaultResult Handle(Process process, CpuId cpu, VirtAddr address, AccessKind kind)
    {
        return process.BlocksOnInput && NeedsInput(process, address, kind)
            ? process.Block(FaultWaitReason.Input, address, kind)
            : Complete(process, cpu, address, kind);
    }

    /// <summary>Handles one fault whatever it takes.</summary>
    /// <inheritdoc cref="Handle" path="/param"/>
    public static FaultResult Complete(Process process, CpuId cpu, VirtAddr address, AccessKind kind)
    {
        FaultResult result = Resolve(process, cpu, address, kind, FaultOrigin.Access);
        if (result == FaultResult.OutOfMemory)
        {
            result = process.IsKilled ? FaultResult.Killed
                : process.BlocksOnInput ? process.Block(FaultWaitReason.Memory, address, kind) : result;
        }

        process.Faults.CountResult(result);
        return result;
    }

    /// <summary>Handles a fault that the kernel meets at a user address: it counts as the process's where it is resolved, and sends no signal.</summary>
    /// <param name="process">Whose address it is.</param>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">The faulting address.</param>
    /// <param name="kind">What the access wanted.</param>
    public static FaultResult HandleForKernel(Process process, CpuId cpu, VirtAddr address, AccessKind kind)
    {
        FaultResult result = Resolve(process, cpu, address, kind, FaultOrigin.Access);
        if (result <= FaultResult.Major)
        {
            process.Faults.CountResult(result);
        }

        return result;
    }

    /// <summary>Brings one page in without an access, whatever the VMA's protection: whoever asks has judged it (<c>faultin_page</c>, mm/gup.c).</summary>
    /// <param name="process">Whose page.</param>
    /// <param name="cpu">The CPU that it runs on.</param>
    /// <param name="address">An address in the page.</param>
    /// <param name="isWrite">Whether the page is to be writable.</param>
    /// <param name="origin">Who asks.</param>
    public static FaultResult Populate(Process process, CpuId cpu, VirtAddr address, bool isWrite, FaultOrigin origin)
    {
        FaultResult result = Resolve(process, cpu, address, isWrite ? AccessKind.Store : AccessKind.Load, origin);
        process.Faults.CountResult(result);
        return result;
    }

    /// <summary>Brings a page back from swap space for the kernel's own sake; the process has no fault.</summary>
    /// <param name="process">Whose page.</param>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">An address in the page.</param>
    public static FaultResult SwapIn(Process process, CpuId cpu, VirtAddr address) =>
        Resolve(process, cpu, address, AccessKind.Load, FaultOrigin.Populate);

    // Whether a fault would have to read: the page is in swap space alone, or its file's and not cached.
    private static bool NeedsInput(Process process, VirtAddr address, AccessKind kind)
    {
        VmAreaRef area = process.Memory.Areas.Find(address);
        if (area.IsNone || !VmProtection.Allows(process.Memory.Areas[area].Flags, kind))
        {
            return false;
        }

        ref VmArea content = ref process.Memory.Areas[area];
        Descriptor entry = process.Tables.Read(address);
        if (entry.IsSwap)
        {
            return !process.Machine.UserFrames.IsSwapCached(entry);
        }

        if (!entry.IsNone || content.IsAnonymous || process.Machine.Files.TryGet(content.File)?.Mapping is not { } mapping)
        {
            return false;
        }

        ulong index = content.PageIndexOf(address);
        return mapping.IsShmem ? mapping.IsSwapped(index) : index < mapping.LengthPages && !mapping.IsCached(index);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static FaultResult Resolve(Process process, CpuId cpu, VirtAddr address, AccessKind kind, FaultOrigin origin)
    {
        if (process.Space.Sharers is null)
        {
            return ResolveAlone(process, cpu, address, kind, origin);
        }

        using FrameSharers.Turn turn = FrameSharers.Begin(process.Space.Sharers, cpu);
        return ResolveAlone(process, cpu, address, kind, origin);
    }

    private static FaultResult ResolveAlone(Process process, CpuId cpu, VirtAddr address, AccessKind kind, FaultOrigin origin)
    {
        process.Machine.SetActing(cpu, process);
        VirtAddr page = new(address.Value & ~(ulong)(Pfn.PageSizeBytes - 1));
        VmAreaRef area = process.Memory.Areas.Find(page);
        if (area.IsNone && !process.Memory.TryExpandStack(cpu, page, out area))
        {
            return FaultResult.SegvMapErr;
        }

        VmFault fault = new(process, cpu, page, kind is AccessKind.Store or AccessKind.Modify, origin, area, in process.Memory.Areas[area]);
        if (origin == FaultOrigin.Access && !VmProtection.Allows(fault.Area.Flags, kind))
        {
            return FaultResult.SegvAccErr;
        }

        if (!fault.Area.IsAnonymous && !TryFindFile(ref fault))
        {
            return FaultResult.BusAdrErr;
        }

        ref Descriptor entry = ref process.Tables.Find(page, out int level);
        fault.Original = Unsafe.IsNullRef(ref entry) ? Descriptor.None : entry;
        if (level == PageTables.PageTable.LastLevel)
        {
            fault.Entry = ref entry;
        }
        else if (TryHandleHuge(ref fault, out FaultResult result))
        {
            return result;
        }

        if (fault.Original.IsContiguous)
        {
            fault.Original = process.Tables.ReadGathered(page).MakeNonContiguous();
        }

        return HandleEntry(ref fault);
    }

    private static bool TryFindFile(ref VmFault fault)
    {
        fault.File = fault.Process.Machine.Files.TryGet(fault.Area.File);
        if (fault.File is not null)
        {
            return true;
        }

        fault.Process.Machine.Log.Report(new Corruption(
            CorruptionCategory.VmAreaTree, "no open file with this number", fault.AreaRef.Address, 0, fault.Area.File));
        return false;
    }

    // __handle_mm_fault, where the address has no last-level table.
    private static bool TryHandleHuge(ref VmFault fault, out FaultResult result)
    {
        result = FaultResult.Minor;
        if (fault.Original.IsNone)
        {
            return fault.Area.IsAnonymous && HugeFault.TryMap(ref fault, out result);
        }

        if (fault.Original.IsPresent && HugeFault.TryHandleMapped(ref fault, out result))
        {
            return true;
        }

        fault.Original = fault.Tables.Read(fault.Address);
        return false;
    }

    // handle_pte_fault.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static FaultResult HandleEntry(ref VmFault fault)
    {
        if (fault.Original.IsNone)
        {
            if ((fault.Area.Flags & VmFlags.PfnMap) != 0 && fault.File is not null)
            {
                return SpecialFault.Handle(ref fault);
            }

            return fault.Area.IsAnonymous ? AnonymousFault.Handle(ref fault) : FileFault.Handle(ref fault);
        }

        if (!fault.Original.IsPresent)
        {
            return SwapFault.Handle(ref fault);
        }

        if (fault.Origin == FaultOrigin.Unshare)
        {
            return CopyOnWrite.Unshare(ref fault);
        }

        return fault.IsWrite && !fault.Original.IsWritable ? CopyOnWrite.Handle(ref fault) : SetAccessFlags(ref fault);
    }

    private static FaultResult SetAccessFlags(ref VmFault fault)
    {
        Descriptor entry = fault.Original.MakeYoung();
        if (fault.IsWrite)
        {
            entry = entry.MakeDirty();
            fault.Frames.SetDirty(entry);
        }

        fault.SetAccess(entry);
        fault.Process.FlushPage(fault.Address);
        fault.Process.Faults.CountCause(FaultCause.AccessFlags);
        return FaultResult.Minor;
    }
}
