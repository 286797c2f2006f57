using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <content>mprotect.</content>
public sealed unsafe partial class MemoryMap
{
    /// <summary>mprotect (<c>do_mprotect_pkey</c>). VMAs before a hole or a refusal stay changed.</summary>
    /// <returns>EINVAL, ENOMEM (a hole, a limit), EACCES.</returns>
    public SyscallResult Protect(CpuId cpu, VirtAddr address, ulong lengthBytes, MemoryProtection protection)
    {
        const MemoryProtection grows = MemoryProtection.GrowsDown | MemoryProtection.GrowsUp;
        bool growsDown = (protection & grows) == MemoryProtection.GrowsDown;
        if ((protection & grows) == grows || IsMisaligned(address))
        {
            return Errno.EINVAL;
        }

        if (lengthBytes == 0)
        {
            return Errno.None;
        }

        VirtAddr end = address + PageAlign(lengthBytes);
        if (end <= address)
        {
            return Errno.ENOMEM;
        }

        const MemoryProtection known = MemoryProtection.Read | MemoryProtection.Write | MemoryProtection.Exec | MemoryProtection.Semaphore;
        if ((protection & ~(known | grows)) != 0)
        {
            return Errno.EINVAL;
        }

        VmAreaRef area = Areas.FindIntersection(address, end);
        if (area.IsNone)
        {
            return Errno.ENOMEM;
        }

        VirtAddr start = address;
        if (growsDown)
        {
            start = Areas[area].Start;
            if ((Areas[area].Flags & VmFlags.GrowsDown) == 0)
            {
                return Errno.EINVAL;
            }
        }
        else if (Areas[area].Start > start)
        {
            return Errno.ENOMEM;
        }
        else if ((protection & grows) == MemoryProtection.GrowsUp)
        {
            return Errno.EINVAL; // asked of a VMA that does not grow up, as none does
        }

        return ProtectAreas(cpu, area, start, end, FromProtection(protection));
    }

    private Errno ProtectAreas(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end, VmFlags access)
    {
        VirtAddr expected = Areas[area].Start;
        while (!area.IsNone && Areas[area].Start < end)
        {
            ref VmArea content = ref Areas[area];
            if (content.Start != expected)
            {
                return Errno.ENOMEM;
            }

            VmFlags flags = access | (content.Flags & ~VmFlags.Access);
            if ((flags & ~(VmFlags)((ulong)flags >> 4) & VmFlags.Access) != 0)
            {
                return Errno.EACCES;
            }

            VirtAddr stop = Min(content.End, end);
            Errno errno = ProtectArea(cpu, area, start, stop, flags, out area);
            if (errno != Errno.None)
            {
                return errno;
            }

            start = expected = Areas[area].End;
            area = Areas.NextOf(area);
        }

        return expected < end ? Errno.ENOMEM : Errno.None;
    }

    // mprotect_fixup
    private Errno ProtectArea(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end, VmFlags flags, out VmAreaRef changed)
    {
        ref VmArea content = ref Areas[area];
        VmFlags old = content.Flags;
        changed = area;
        if (flags == old)
        {
            return Errno.None;
        }

        ulong pageCount = (end - start) >> Pfn.PageShift;
        ulong charged = 0;
        if ((flags & VmFlags.Write) != 0)
        {
            if (!MayExpand(flags, pageCount) && MayExpand(old, pageCount))
            {
                return Errno.ENOMEM;
            }

            if ((old & (VmFlags.Account | VmFlags.Write | VmFlags.HugeTlb | VmFlags.Shared | VmFlags.NoReserve)) == 0)
            {
                charged = pageCount;
                if (!TryCharge(cpu, charged))
                {
                    return Errno.ENOMEM;
                }

                flags |= VmFlags.Account;
            }
        }
        else if ((old & VmFlags.Account) != 0 && content.IsAnonymous && content.AnonVma.IsNone)
        {
            flags &= ~VmFlags.Account; // nothing was ever written here: the promise can be taken back
        }

        Errno errno = Modify(cpu, area, start, end, flags, out changed);
        if (errno != Errno.None)
        {
            commit.Uncharge(cpu, charged);
            return errno;
        }

        Areas[changed].Flags = flags;
        pages.ProtectPages(cpu, changed, start, end, old);
        if ((old & VmFlags.Account) != 0 && (flags & VmFlags.Account) == 0)
        {
            commit.Uncharge(cpu, pageCount);
        }

        // A locked private VMA that becomes writable gets its own pages now, so that the access will not wait.
        if ((old & (VmFlags.Write | VmFlags.Shared | VmFlags.Locked)) == VmFlags.Locked
            && (flags & (VmFlags.Write | VmFlags.LockOnFault)) == VmFlags.Write)
        {
            _ = pages.PopulatePages(cpu, changed, start, end, PopulateKind.TouchInPlace);
        }

        DiscountPages(old, pageCount);
        CountPages(flags, pageCount);
        return Errno.None;
    }
}
