using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <content>mlock and its family.</content>
public sealed unsafe partial class MemoryMap
{
    // can_do_mlock
    private bool MayLockAtAll => Limits.MayLock || Limits.LockedBytes != 0;

    /// <summary>mlock, and mlock2 with MLOCK_ONFAULT (<c>do_mlock</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">First byte; rounded down to a page.</param>
    /// <param name="lengthBytes">Bytes; rounded up.</param>
    /// <param name="isOnFault">Whether pages are locked when they are first touched instead of now.</param>
    /// <returns>EPERM, ENOMEM (a hole, the limit), EINVAL (the range wraps), EAGAIN (no memory for the pages).</returns>
    public SyscallResult Lock(CpuId cpu, VirtAddr address, ulong lengthBytes, bool isOnFault)
    {
        if (!MayLockAtAll)
        {
            return Errno.EPERM;
        }

        ulong length = PageAlign(unchecked(lengthBytes + (address.Value & PageMask)));
        VirtAddr start = new(address.Value & ~PageMask);
        ulong limit = Limits.LockedBytes >> Pfn.PageShift;
        ulong locked = unchecked((length >> Pfn.PageShift) + mm->LockedPages);
        if (locked > limit && !Limits.MayLock)
        {
            locked -= Math.Min(locked, CountLocked(start, length));
        }

        if (locked > limit && !Limits.MayLock)
        {
            return Errno.ENOMEM;
        }

        VmFlags flags = isOnFault ? VmFlags.LockedMask : VmFlags.Locked;
        Errno errno = ApplyLock(cpu, start, length, flags);
        if (errno != Errno.None)
        {
            return errno;
        }

        // __mlock_posix_error_return
        return Populate(cpu, start, start + length, ignoresErrors: false) switch
        {
            Errno.EFAULT => Errno.ENOMEM,
            Errno.ENOMEM => Errno.EAGAIN,
            Errno other => other,
        };
    }

    /// <summary>munlock.</summary>
    /// <returns>ENOMEM (a hole), EINVAL (the range wraps).</returns>
    public SyscallResult Unlock(CpuId cpu, VirtAddr address, ulong lengthBytes)
    {
        ulong length = PageAlign(unchecked(lengthBytes + (address.Value & PageMask)));
        return ApplyLock(cpu, new VirtAddr(address.Value & ~PageMask), length, VmFlags.None);
    }

    /// <summary>mlockall.</summary>
    /// <returns>EINVAL, EPERM, ENOMEM (the limit).</returns>
    public SyscallResult LockAll(CpuId cpu, LockFlags flags)
    {
        const LockFlags all = LockFlags.Current | LockFlags.Future | LockFlags.OnFault;
        if (flags == LockFlags.None || (flags & ~all) != 0 || flags == LockFlags.OnFault)
        {
            return Errno.EINVAL;
        }

        if (!MayLockAtAll)
        {
            return Errno.EPERM;
        }

        if ((flags & LockFlags.Current) != 0 && mm->TotalPages > Limits.LockedBytes >> Pfn.PageShift && !Limits.MayLock)
        {
            return Errno.ENOMEM;
        }

        VmFlags lockFlags = (flags & LockFlags.OnFault) != 0 ? VmFlags.LockedMask : VmFlags.Locked;
        mm->DefaultFlags &= ~VmFlags.LockedMask;
        mm->DefaultFlags |= (flags & LockFlags.Future) != 0 ? lockFlags : VmFlags.None;
        if ((flags & LockFlags.Current) != 0)
        {
            ApplyLockToAll(cpu, lockFlags);
            _ = Populate(cpu, default, options.TaskSize, ignoresErrors: true);
        }

        return Errno.None;
    }

    /// <summary>munlockall.</summary>
    public SyscallResult UnlockAll(CpuId cpu)
    {
        mm->DefaultFlags &= ~VmFlags.LockedMask;
        ApplyLockToAll(cpu, VmFlags.None);
        return Errno.None;
    }

    private void ApplyLockToAll(CpuId cpu, VmFlags lockFlags)
    {
        for (VmAreaRef area = Areas.First; !area.IsNone; area = Areas.NextOf(area))
        {
            ref VmArea content = ref Areas[area];
            _ = LockArea(cpu, area, content.Start, content.End, (content.Flags & ~VmFlags.LockedMask) | lockFlags, out area);
        }
    }

    // apply_vma_lock_flags
    private Errno ApplyLock(CpuId cpu, VirtAddr start, ulong lengthBytes, VmFlags lockFlags)
    {
        VirtAddr end = start + lengthBytes;
        if (end < start)
        {
            return Errno.EINVAL;
        }

        if (end == start)
        {
            return Errno.None;
        }

        VmAreaRef area = Areas.Find(start);
        if (area.IsNone)
        {
            return Errno.ENOMEM;
        }

        VirtAddr expected = Areas[area].Start;
        while (!area.IsNone && Areas[area].Start < end)
        {
            ref VmArea content = ref Areas[area];
            if (content.Start != expected)
            {
                return Errno.ENOMEM;
            }

            VmFlags flags = (content.Flags & ~VmFlags.LockedMask) | lockFlags;
            Errno errno = LockArea(cpu, area, start, Min(content.End, end), flags, out area);
            if (errno != Errno.None)
            {
                return errno;
            }

            start = expected = Areas[area].End;
            area = Areas.NextOf(area);
        }

        return expected < end ? Errno.ENOMEM : Errno.None;
    }

    // mlock_fixup
    private Errno LockArea(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end, VmFlags flags, out VmAreaRef changed)
    {
        VmFlags old = Areas[area].Flags;
        changed = area;
        if (flags == old || (old & (VmFlags.Special | VmFlags.HugeTlb)) != 0)
        {
            return Errno.None;
        }

        Errno errno = Modify(cpu, area, start, end, flags, out changed);
        if (errno != Errno.None)
        {
            return errno;
        }

        ulong pageCount = (end - start) >> Pfn.PageShift;
        bool wasLocked = (old & VmFlags.Locked) != 0;
        bool isLocked = (flags & VmFlags.Locked) != 0;
        mm->LockedPages = unchecked(mm->LockedPages + (isLocked && !wasLocked ? pageCount : isLocked ? 0 : 0 - pageCount));
        Areas[changed].Flags = flags;
        if (!(wasLocked && isLocked))
        {
            pages.LockPages(cpu, changed, start, end);
        }

        return Errno.None;
    }

    // Pages of a range that are locked already (count_mm_mlocked_page_nr).
    private ulong CountLocked(VirtAddr start, ulong lengthBytes)
    {
        VirtAddr end = start + lengthBytes < start ? new VirtAddr(ulong.MaxValue) : start + lengthBytes;
        ulong count = 0;
        for (VmAreaRef area = Areas.FindIntersection(start, end); !area.IsNone && Areas[area].Start < end; area = Areas.NextOf(area))
        {
            ref VmArea content = ref Areas[area];
            count += (content.Flags & VmFlags.Locked) != 0 ? (Min(content.End, end) - Max(content.Start, start)) >> Pfn.PageShift : 0;
        }

        return count;
    }
}
