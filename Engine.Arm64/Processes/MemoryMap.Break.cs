using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <content>The heap and growing stacks.</content>
public sealed unsafe partial class MemoryMap
{
    // VM_DATA_DEFAULT_FLAGS
    private const VmFlags DataFlags = VmFlags.Read | VmFlags.Write | VmFlags.MayRead | VmFlags.MayWrite | VmFlags.MayExec;

    /// <summary>Sets where the heap begins; it is empty (what exec does).</summary>
    public void SetStartBrk(VirtAddr address)
    {
        mm->StartBrk = address;
        mm->Brk = address;
    }

    /// <summary>brk: moves the heap's end (<c>do_brk_flags</c>).</summary>
    /// <returns>The break: the asked one, or the old one where that was refused. Never an errno.</returns>
    public SyscallResult Break(CpuId cpu, VirtAddr address)
    {
        if (address >= mm->StartBrk && TryMoveBreak(cpu, address, out bool isGrown))
        {
            VirtAddr from = PageAlign(mm->Brk);
            mm->Brk = address;
            if (isGrown && (mm->DefaultFlags & VmFlags.Locked) != 0)
            {
                Populate(cpu, from, PageAlign(address), ignoresErrors: true);
            }
        }

        return SyscallResult.FromAddress(mm->Brk);
    }

    /// <summary>Maps zeroes for a program's bss (<c>vm_brk_flags</c>): what lies there goes. As the heap does, it merges with a VMA below alone.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="start">First byte, on a page boundary.</param>
    /// <param name="lengthBytes">Bytes, whole pages.</param>
    /// <param name="isExec">Whether they may be executed.</param>
    /// <returns>ENOMEM, EPERM (below the lowest address), EAGAIN (they would be locked, and must not be).</returns>
    internal Errno AddBreak(CpuId cpu, VirtAddr start, ulong lengthBytes, bool isExec)
    {
        if (lengthBytes == 0)
        {
            return Errno.None;
        }

        if (lengthBytes > options.TaskSize.Value || start.Value > options.TaskSize.Value - lengthBytes)
        {
            return Errno.ENOMEM;
        }

        if (start < options.MinimumAddress && !Limits.MayMapLow)
        {
            return Errno.EPERM;
        }

        if (!MayLock(mm->DefaultFlags, lengthBytes))
        {
            return Errno.EAGAIN;
        }

        VirtAddr end = start + lengthBytes;
        Errno errno = UnmapAligned(cpu, start, end);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (!TryAddHeap(cpu, start, end, isExec ? VmFlags.Exec : VmFlags.None))
        {
            return Errno.ENOMEM;
        }

        if ((mm->DefaultFlags & VmFlags.Locked) != 0)
        {
            Populate(cpu, start, end, ignoresErrors: true);
        }

        return Errno.None;
    }

    /// <summary>Lets the growing VMA above an address reach down to it (<c>expand_stack</c>, <c>expand_downwards</c>): what a fault below a stack does.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">The address; no VMA holds it.</param>
    /// <param name="area">The VMA that holds it then.</param>
    /// <returns>False where nothing above grows, or a limit or the guard gap forbids it: the fault is SEGV_MAPERR.</returns>
    public bool TryExpandStack(CpuId cpu, VirtAddr address, out VmAreaRef area)
    {
        area = Areas.FindFrom(address);
        VirtAddr start = new(address.Value & ~PageMask);
        if (area.IsNone || (Areas[area].Flags & VmFlags.GrowsDown) == 0 || start < options.MinimumAddress)
        {
            return false;
        }

        ref VmArea content = ref Areas[area];
        if (start >= content.Start)
        {
            return true;
        }

        VmAreaRef below = Areas.PreviousOf(area);
        if (!below.IsNone)
        {
            ref VmArea lower = ref Areas[below];
            bool keepsDistance = (lower.Flags & VmFlags.GrowsDown) == 0 && (lower.Flags & VmFlags.Access) != 0;
            if (start < lower.End || (keepsDistance && start - lower.End < options.StackGuardGapBytes))
            {
                return false;
            }
        }

        ulong grown = (content.Start - start) >> Pfn.PageShift;
        bool isAllowed = PrepareAnonVma(cpu, area)
            && grown <= content.PageOffset
            && MayExpand(content.Flags, grown)
            && content.End - start <= Limits.StackBytes
            && MayLock(content.Flags, grown << Pfn.PageShift)
            && TryCharge(cpu, grown);
        if (!isAllowed)
        {
            return false;
        }

        CountLockedPages(content.Flags, grown);
        CountPages(content.Flags, grown);
        content.PageOffset -= grown;
        Areas.Resize(area, start, content.End);
        return true;
    }

    /// <summary>Gives a VMA its anon_vma before its first private page, if it has none (<c>anon_vma_prepare</c>).</summary>
    /// <returns>False where there is no memory.</returns>
    public bool PrepareAnonVma(CpuId cpu, VmAreaRef area)
    {
        ref VmArea content = ref Areas[area];
        if (!content.AnonVma.IsNone)
        {
            return true;
        }

        AnonVmaRef reused = ReusableAnonVma(Areas.NextOf(area), area, isAbove: true);
        reused = reused.IsNone ? ReusableAnonVma(Areas.PreviousOf(area), area, isAbove: false) : reused;
        return anonVmas.TryPrepare(cpu, area, reused);
    }

    // find_mergeable_anon_vma and reusable_anon_vma: a neighbour that could merge but for its access lends its anon_vma, so that mprotect can merge them later.
    private AnonVmaRef ReusableAnonVma(VmAreaRef neighbour, VmAreaRef area, bool isAbove)
    {
        if (neighbour.IsNone)
        {
            return AnonVmaRef.None;
        }

        ref VmArea other = ref Areas[neighbour];
        ref VmArea lower = ref Areas[isAbove ? area : neighbour];
        ref VmArea upper = ref Areas[isAbove ? neighbour : area];
        bool isCompatible = lower.End == upper.Start
            && lower.File == upper.File
            && ((lower.Flags ^ upper.Flags) & ~(VmFlags.Access | VmFlags.SoftDirty)) == 0
            && upper.PageOffset == lower.PageIndexOf(upper.Start);
        return isCompatible && other.AnonVmaChainCount == 1 ? other.AnonVma : AnonVmaRef.None;
    }

    private bool TryMoveBreak(CpuId cpu, VirtAddr address, out bool isGrown)
    {
        isGrown = false;
        ulong dataLimit = Limits.DataBytes;
        ulong used = unchecked((address - mm->StartBrk) + (mm->EndData - mm->StartData));
        if (dataLimit != ResourceLimits.Infinity && used > dataLimit)
        {
            return false;
        }

        VirtAddr newEnd = PageAlign(address);
        VirtAddr oldEnd = PageAlign(mm->Brk);
        if (newEnd == oldEnd)
        {
            return true;
        }

        if (address <= mm->Brk)
        {
            VmAreaRef area = Areas.FindIntersection(newEnd, oldEnd);
            return !area.IsNone && UnmapAligned(cpu, newEnd, oldEnd) == Errno.None;
        }

        isGrown = true;
        return TryGrowBreak(cpu, oldEnd, newEnd);
    }

    private bool TryGrowBreak(CpuId cpu, VirtAddr start, VirtAddr end)
    {
        ulong length = unchecked(end.Value - start.Value);
        if (end < start || end > options.TaskSize || !MayLock(mm->DefaultFlags, length))
        {
            return false;
        }

        VirtAddr guarded = end + Pfn.PageSizeBytes;
        VmAreaRef next = Areas.FindIntersection(start, guarded + options.StackGuardGapBytes);
        if (!next.IsNone && guarded > GuardedStart(in Areas[next]))
        {
            return false;
        }

        return TryAddHeap(cpu, start, end, VmFlags.None);
    }

    // do_brk_flags: nothing is mapped there.
    private bool TryAddHeap(CpuId cpu, VirtAddr start, VirtAddr end, VmFlags extra)
    {
        VmFlags flags = DataFlags | VmFlags.Account | mm->DefaultFlags | extra;
        ulong pageCount = (end - start) >> Pfn.PageShift;
        if (!MayExpand(flags, pageCount) || Areas.Count > options.MapCountMax || !TryCharge(cpu, pageCount))
        {
            return false;
        }

        VmAreaMerge merge = new(start, end, flags, start.Value >> Pfn.PageShift, VmArea.NoFile);
        FindNeighbours(ref merge);
        bool isPlaced = !MergeNew(cpu, ref merge, isExpandingOnly: true).IsNone
            || AddArea(cpu, start, end, flags, merge.PageOffset, VmArea.NoFile, out _) == Errno.None;
        if (!isPlaced)
        {
            commit.Uncharge(cpu, pageCount);
            return false;
        }

        CountPages(flags, pageCount);
        CountLockedPages(flags, pageCount);
        return true;
    }
}
