// Where a mapping goes when the program leaves it open (mm/mmap.c: __get_unmapped_area, arch_get_unmapped_area_topdown,
// vm_unmapped_area; mm/huge_memory.c: __thp_get_unmapped_area): the highest gap below mmap_base that holds it; where there is
// none, the lowest from a quarter of the address space on. A growing VMA keeps a guard gap below itself.

using System.Runtime.CompilerServices;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <content>Placement.</content>
public sealed unsafe partial class MemoryMap
{
    /// <summary>Where bottom-up placement starts (<c>TASK_UNMAPPED_BASE</c>): a quarter of the address space.</summary>
    public VirtAddr UnmappedBase => new(PageAlign(options.TaskSize.Value / 4));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Errno FindUnmapped(VirtAddr hint, ulong lengthBytes, ulong pageOffset, MappedFileModes modes, bool isAnonymousPrivate, bool isFixed, out VirtAddr found)
    {
        found = default;
        if (lengthBytes > options.TaskSize.Value)
        {
            return Errno.ENOMEM;
        }

        bool wantsHuge = (modes & MappedFileModes.AlignsHugePages) != 0
            || (isAnonymousPrivate && hint.Value == 0
                && (!options.AlignsMultiplesOfHugePagesOnly || lengthBytes % MemoryMapOptions.HugePageBytes == 0));
        ulong offsetBytes = isAnonymousPrivate ? 0 : unchecked(pageOffset << Pfn.PageShift);
        Errno errno = Errno.None;
        if (isFixed)
        {
            errno = lengthBytes > options.TaskSize.Value - Pfn.PageSizeBytes ? Errno.ENOMEM : Errno.None;
            found = hint;
        }
        else if (!wantsHuge || !TryFindHugeAligned(hint, lengthBytes, offsetBytes, out found))
        {
            errno = FindGap(hint, lengthBytes, out found);
        }

        if (errno != Errno.None)
        {
            return errno;
        }

        if (found.Value > options.TaskSize.Value - lengthBytes)
        {
            return Errno.ENOMEM;
        }

        return IsMisaligned(found) ? Errno.EINVAL : found < options.MinimumAddress && !Limits.MayMapLow ? Errno.EPERM : Errno.None;
    }

    // Asks for 2 MiB more than needed and takes the part that a huge page fits into as the file, or memory itself, is aligned.
    private bool TryFindHugeAligned(VirtAddr hint, ulong lengthBytes, ulong offsetBytes, out VirtAddr found)
    {
        const ulong size = MemoryMapOptions.HugePageBytes;
        found = default;
        ulong offsetEnd = unchecked(offsetBytes + lengthBytes);
        ulong offsetAligned = unchecked(offsetBytes + size - 1) & ~(size - 1);
        ulong padded = unchecked(lengthBytes + size);
        bool holdsHugePage = offsetEnd > offsetAligned && offsetEnd - offsetAligned >= size;
        if (!holdsHugePage || padded < lengthBytes || unchecked(offsetBytes + padded) < offsetBytes
            || FindGap(hint, padded, out found) != Errno.None)
        {
            return false;
        }

        if (found == hint)
        {
            return true;
        }

        ulong shift = unchecked(offsetBytes - found.Value) & (size - 1);
        found += shift == 0 && !options.IsLegacyLayout ? size : shift;
        return true;
    }

    // shmem_get_unmapped_area: asks for more than needed where what was found is not aligned as the file, and keeps the first place otherwise.
    private void AlignShared(VirtAddr hint, ulong lengthBytes, ulong pageOffset, ulong alignment, ref VirtAddr found)
    {
        if (alignment == 0 || lengthBytes < alignment || hint == found)
        {
            return;
        }

        ulong offset = unchecked(pageOffset << Pfn.PageShift) & (alignment - 1);
        ulong inflated = unchecked(lengthBytes + alignment - Pfn.PageSizeBytes);
        if ((offset != 0 && offset + lengthBytes < 2 * alignment) || (found.Value & (alignment - 1)) == offset
            || inflated > options.TaskSize.Value || inflated < lengthBytes || FindGap(hint, inflated, out VirtAddr wide) != Errno.None)
        {
            return;
        }

        ulong inflatedOffset = wide.Value & (alignment - 1);
        ulong place = unchecked(wide.Value + offset - inflatedOffset + (inflatedOffset > offset ? alignment : 0));
        if (place <= options.TaskSize.Value - lengthBytes)
        {
            found = new VirtAddr(place);
        }
    }

    private Errno FindGap(VirtAddr hint, ulong lengthBytes, out VirtAddr found)
    {
        found = default;
        VirtAddr end = options.TaskSize;
        if (lengthBytes > end - options.MinimumAddress)
        {
            return Errno.ENOMEM;
        }

        if (hint.Value != 0)
        {
            VirtAddr aligned = PageAlign(hint);
            if (aligned.Value <= end.Value - lengthBytes && aligned >= options.MinimumAddress && IsFree(aligned, lengthBytes))
            {
                found = aligned;
                return Errno.None;
            }
        }

        bool isFound = (!options.IsLegacyLayout && TryFindTopDown(lengthBytes, new VirtAddr(Pfn.PageSizeBytes), mm->MmapBase, out found))
            || TryFindBottomUp(lengthBytes, options.IsLegacyLayout ? mm->MmapBase : UnmappedBase, end, out found);
        return isFound ? Errno.None : Errno.ENOMEM;
    }

    // Free, and clear of the guard gap of a growing VMA above.
    private bool IsFree(VirtAddr start, ulong lengthBytes)
    {
        VmAreaRef above = Areas.FindFrom(start);
        return above.IsNone || start + lengthBytes <= GuardedStart(in Areas[above]);
    }

    // vm_start_gap
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private VirtAddr GuardedStart(in VmArea area)
    {
        if ((area.Flags & VmFlags.GrowsDown) == 0)
        {
            return area.Start;
        }

        return area.Start.Value < options.StackGuardGapBytes ? default : new VirtAddr(area.Start.Value - options.StackGuardGapBytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryFindTopDown(ulong lengthBytes, VirtAddr low, VirtAddr high, out VirtAddr found)
    {
        found = default;
        for (int bound = Areas.Count; bound >= 0 && Areas.TryFindGapTopDown(lengthBytes, low, high, out VmAreaGap gap); bound--)
        {
            if (gap.Above.IsNone || GuardedStart(in Areas[gap.Above]) >= gap.End)
            {
                found = new VirtAddr(gap.End.Value - lengthBytes);
                return true;
            }

            high = GuardedStart(in Areas[gap.Above]);
        }

        return false;
    }

    private bool TryFindBottomUp(ulong lengthBytes, VirtAddr low, VirtAddr high, out VirtAddr found)
    {
        found = default;
        for (int bound = Areas.Count; bound >= 0 && Areas.TryFindGapBottomUp(lengthBytes, low, high, out VmAreaGap gap); bound--)
        {
            if (gap.Above.IsNone || GuardedStart(in Areas[gap.Above]) >= gap.Start + lengthBytes)
            {
                found = gap.Start;
                return true;
            }

            low = Areas[gap.Above].End;
        }

        return false;
    }
}
