using System.Runtime.CompilerServices;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <content>munmap.</content>
public sealed unsafe partial class MemoryMap
{
    /// <summary>munmap (<c>do_vmi_munmap</c>).</summary>
    /// <returns>EINVAL for a misaligned, empty or impossible range; ENOMEM where a VMA would have to be split at the limit or without memory.</returns>
    public SyscallResult Unmap(CpuId cpu, VirtAddr address, ulong lengthBytes)
    {
        if (IsMisaligned(address) || address > options.TaskSize || lengthBytes > options.TaskSize - address)
        {
            return Errno.EINVAL;
        }

        ulong length = PageAlign(lengthBytes);
        return length == 0 ? Errno.EINVAL : UnmapAligned(cpu, address, address + length);
    }

    private Errno UnmapAligned(CpuId cpu, VirtAddr start, VirtAddr end)
    {
        VmAreaRef area = Areas.FindIntersection(start, end);
        if (area.IsNone)
        {
            return Errno.None;
        }

        Errno errno = PrepareUnmap(cpu, area, start, end, out UnmapRange range);
        if (errno == Errno.None)
        {
            CompleteUnmap(cpu, in range);
        }

        return errno;
    }

    // Splits at both ends and counts (vms_gather_munmap_vmas). The number of VMAs may exceed the limit for a moment.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Errno PrepareUnmap(CpuId cpu, VmAreaRef lowest, VirtAddr start, VirtAddr end, out UnmapRange range)
    {
        range = new UnmapRange { First = lowest, End = end };
        ref VmArea first = ref Areas[range.First];
        if (start > first.Start)
        {
            if (end < first.End && Areas.Count >= options.MapCountMax)
            {
                return Errno.ENOMEM;
            }

            Errno errno = Split(cpu, range.First, start, isNewBelow: true, out _);
            if (errno != Errno.None)
            {
                return errno;
            }
        }

        for (VmAreaRef area = range.First; !area.IsNone && Areas[area].Start < end; area = Areas.NextOf(area))
        {
            ref VmArea content = ref Areas[area];
            if (content.End > end)
            {
                Errno errno = Split(cpu, area, end, isNewBelow: false, out _);
                if (errno != Errno.None)
                {
                    return errno;
                }
            }

            range.AreaCount++;
            range.PageCount += content.PageCount;
            range.AccountedPageCount += (content.Flags & VmFlags.Account) != 0 ? content.PageCount : 0;
        }

        return Errno.None;
    }

    // vms_complete_munmap_vmas
    private void CompleteUnmap(CpuId cpu, in UnmapRange range)
    {
        VmAreaRef below = Areas.PreviousOf(range.First);
        VmAreaRef area = range.First;
        VirtAddr start = Areas[area].Start;
        VirtAddr end = start;
        pages.BeginUnmap(cpu);
        for (int i = 0; i < range.AreaCount && !area.IsNone; i++, area = Areas.NextOf(area))
        {
            ref VmArea content = ref Areas[area];
            end = content.End;
            pages.UnmapPages(cpu, area, content.Start, end);
        }

        VirtAddr floor = below.IsNone ? default : Areas[below].End;
        VirtAddr ceiling = area.IsNone ? default : Areas[area].Start;
        pages.FreePageTables(cpu, start, end, floor, ceiling);
        area = range.First;
        for (int i = 0; i < range.AreaCount && !area.IsNone; i++)
        {
            ref VmArea content = ref Areas[area];
            VmAreaRef next = Areas.NextOf(area);
            DiscountPages(content.Flags, content.PageCount);
            if ((content.Flags & VmFlags.Locked) != 0)
            {
                mm->LockedPages = unchecked(mm->LockedPages - content.PageCount);
            }

            DeleteArea(cpu, area);
            area = next;
        }

        commit.Uncharge(cpu, range.AccountedPageCount);
    }
}
