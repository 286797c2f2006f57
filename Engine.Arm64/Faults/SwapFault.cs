// A fault on a page that is in swap space (do_swap_page, mm/memory.c).
//
// The page may still be in memory, in the swap cache: minor. Otherwise it is read: major. A page that only this entry refers to
// is read from a synchronous device straight into a frame of its own; any other goes into the swap cache, together with its
// neighbours (SwapReadahead). The entry's exclusive mark says whether the page is this process's alone; then it is mapped
// writable at once for a write, and since Linux 6.10 for a read as well. A write to one that is shared goes on as copy-on-write.

using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Core.Frames;
using Engine.Core.Swap;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <summary>Brings a page back from swap space.</summary>
internal static class SwapFault
{
    public static FaultResult Handle(ref VmFault fault)
    {
        UserFrames frames = fault.Frames;
        SwapSpace swap = frames.Swap;
        SwapEntry entry = UserFrames.ToSwapEntry(fault.Original);
        if (!fault.Original.IsSwap || !swap.IsUsed(entry))
        {
            fault.Process.Machine.Log.Report(new Core.Diagnostics.Corruption(
                Core.Diagnostics.CorruptionCategory.PageTable, "bad swap entry", new PhysAddr(0), 0, fault.Original.Value));
            return FaultResult.BusAdrErr;
        }

        FaultResult result = FaultResult.Minor;
        bool isFresh = false;
        Pfn pfn = swap.FindCached(entry);
        if (pfn != Pfn.None)
        {
            SwapReadahead.NoteHit(ref fault, ref frames[pfn]);
        }
        else
        {
            result = FaultResult.Major;
            isFresh = swap.IsSynchronous(entry) && swap.CountOf(entry) == 1;
            if (isFresh && LargeSwapFault.TryHandle(ref fault, entry))
            {
                fault.Process.Faults.CountCause(FaultCause.Swap);
                return FaultResult.Major;
            }

            pfn = isFresh ? ReadAlone(ref fault, entry) : SwapReadahead.Read(ref fault, entry);
            if (pfn == Pfn.None)
            {
                return FaultResult.OutOfMemory;
            }
        }

        if ((frames[pfn].Flags & PageFlag.Uptodate) == 0)
        {
            if (isFresh)
            {
                frames.Put(fault.Cpu, pfn);
            }

            return FaultResult.BusAdrErr; // the device could not be read
        }

        return Map(ref fault, entry, pfn, isFresh, result);
    }

    private static FaultResult Map(ref VmFault fault, SwapEntry entry, Pfn pfn, bool isFresh, FaultResult result)
    {
        UserFrames frames = fault.Frames;
        ref Frame frame = ref frames[pfn];
        frame.RefCount += isFresh ? 0 : 1;
        bool isExclusive = isFresh || fault.Original.IsSwapExclusive;
        frames.Swap.Free(entry, out _);
        if (ShouldFreeCache(ref fault, ref frame))
        {
            frames.TryFreeSwapCache(pfn, ref frame);
        }

        fault.Process.Memory.State.AnonPages++;
        fault.Process.Memory.State.SwapEntries--;
        Descriptor mapped = Descriptor.ForPage(pfn, fault.Protection);
        isExclusive |= frame.RefCount == 1;
        bool mayWrite = (fault.Area.Flags & VmFlags.Write) != 0;
        bool isDone = !fault.IsWrite;
        if (isExclusive && mayWrite && (fault.IsWrite || fault.Process.Machine.Options.Release != KernelRelease.Linux69))
        {
            mapped = mapped.MakeWritable();
            mapped = fault.IsWrite ? mapped.MakeDirty() : mapped.MakeClean();
            isDone = true;
        }

        AnonVmaRef root = fault.Process.Machine.AnonVmas[fault.Area.AnonVma].Root;
        if (isFresh)
        {
            frames.AddToLists(fault.Cpu, pfn, VmFlags.None);
        }

        bool leavesNewUnlocked = fault.Process.Machine.Options.Release != KernelRelease.Linux69;
        frames.AddSwappedIn(fault.Cpu, pfn, in fault.Area, root, fault.Area.PageIndexOf(fault.Address), isExclusive, leavesNewUnlocked);
        fault.Tables.Set(fault.Address, mapped);
        if (isDone)
        {
            fault.Process.Faults.CountCause(FaultCause.Swap);
            return result;
        }

        fault.Original = mapped;
        FaultResult copied = CopyOnWrite.Handle(ref fault);
        return copied > result ? copied : result;
    }

    // SWP_SYNCHRONOUS_IO with a count of one: no swap cache, no read-ahead.
    private static Pfn ReadAlone(ref VmFault fault, SwapEntry entry)
    {
        UserFrames frames = fault.Frames;
        if (!frames.TryAllocate(fault.Cpu, GfpFlags.None, out Pfn pfn))
        {
            return Pfn.None;
        }

        frames[pfn].Flags = PageFlag.SwapBacked | (frames.Swap.TryRead(entry, pfn) ? PageFlag.Uptodate : 0);
        return pfn;
    }

    // should_try_to_free_swap: the cache holds one reference, this fault another.
    private static bool ShouldFreeCache(ref VmFault fault, ref Frame frame)
    {
        if ((frame.Flags & PageFlag.SwapCache) == 0)
        {
            return false;
        }

        return fault.Frames.Swap.IsFull || (fault.Area.Flags & VmFlags.Locked) != 0 || (frame.Flags & PageFlag.Mlocked) != 0
            || (fault.IsWrite && frame.RefCount == 2);
    }
}
