// mremap (mm/mremap.c), as of Linux 6.17: a fixed move of unchanged length may cover several VMAs.

using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <content>mremap.</content>
public sealed unsafe partial class MemoryMap
{
    /// <summary>mremap: grows, shrinks or moves a mapping.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">First byte.</param>
    /// <param name="oldLengthBytes">Bytes now; 0 duplicates a shared mapping.</param>
    /// <param name="newLengthBytes">Bytes wanted.</param>
    /// <param name="flags">How.</param>
    /// <param name="newAddress">With <see cref="RemapFlags.Fixed"/> the place.</param>
    /// <returns>The address; or EINVAL, EFAULT (no VMA, or its end crossed), ENOMEM, EAGAIN (locked beyond the limit).</returns>
    public SyscallResult Remap(CpuId cpu, VirtAddr address, ulong oldLengthBytes, ulong newLengthBytes, RemapFlags flags, VirtAddr newAddress)
    {
        RemapRequest request = new()
        {
            Address = address,
            OldLengthBytes = PageAlign(oldLengthBytes),
            NewLengthBytes = PageAlign(newLengthBytes),
            Flags = flags,
            NewAddress = newAddress,
        };
        Errno errno = CheckRemap(in request);
        if (errno != Errno.None)
        {
            return errno;
        }

        if ((flags & RemapFlags.Fixed) != 0 && request.OldLengthBytes == request.NewLengthBytes)
        {
            return RemapAreas(cpu, ref request);
        }

        request.Area = Areas.Find(address);
        errno = PrepareRemap(ref request);
        if (errno != Errno.None)
        {
            return errno;
        }

        ulong added = request.NewLengthBytes - Math.Min(request.NewLengthBytes, request.OldLengthBytes);
        ulong kept = request.OldLengthBytes;
        errno = request.HasTarget ? RemapTo(cpu, ref request) : RemapHere(cpu, ref request);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (request.WantsPages)
        {
            VirtAddr start = request.NewAddress + kept;
            Populate(cpu, start, start + added, ignoresErrors: true);
        }

        return SyscallResult.FromAddress(request.NewAddress);
    }

    // check_mremap_params
    private Errno CheckRemap(in RemapRequest request)
    {
        const RemapFlags all = RemapFlags.MayMove | RemapFlags.Fixed | RemapFlags.DontUnmap;
        ulong taskSize = options.TaskSize.Value;
        if ((request.Flags & ~all) != 0 || IsMisaligned(request.Address) || request.NewLengthBytes == 0 || request.NewLengthBytes > taskSize)
        {
            return Errno.EINVAL;
        }

        if (!request.HasTarget)
        {
            return Errno.None;
        }

        bool changesLength = (request.Flags & RemapFlags.DontUnmap) != 0 && request.OldLengthBytes != request.NewLengthBytes;
        if (request.NewAddress.Value > taskSize - request.NewLengthBytes
            || IsMisaligned(request.NewAddress)
            || (request.Flags & RemapFlags.MayMove) == 0
            || changesLength
            || (request.Address + request.OldLengthBytes > request.NewAddress
                && request.NewAddress + request.NewLengthBytes > request.Address))
        {
            return Errno.EINVAL;
        }

        // Two VMAs may be split in three, and the move itself wants four in reserve.
        return Areas.Count + 2 >= options.MapCountMax - 3 ? Errno.ENOMEM : Errno.None;
    }

    // remap_move: VMA by VMA, gaps kept.
    private SyscallResult RemapAreas(CpuId cpu, ref RemapRequest whole)
    {
        VirtAddr start = whole.Address;
        VirtAddr end = start + whole.OldLengthBytes;
        VirtAddr target = whole.NewAddress;
        VirtAddr position = start;
        SyscallResult result = Errno.EFAULT;
        for (int bound = Areas.Count + 1; bound > 0 && position < end; bound--)
        {
            VmAreaRef area = Areas.FindIntersection(position, end);
            if (area.IsNone || (position == start && Areas[area].Start > start))
            {
                break;
            }

            RemapRequest part = whole;
            VirtAddr from = Max(Areas[area].Start, start);
            VirtAddr to = Min(Areas[area].End, end);
            part.Area = area;
            part.Address = from;
            part.NewAddress = target + (from - start);
            part.OldLengthBytes = part.NewLengthBytes = to - from;
            Errno errno = PrepareRemap(ref part);
            errno = errno == Errno.None ? RemapTo(cpu, ref part) : errno;
            if (errno != Errno.None)
            {
                return errno;
            }

            result = from == start ? SyscallResult.FromAddress(part.NewAddress) : result;
            position = to;
        }

        return result;
    }

    // check_prep_vma
    private Errno PrepareRemap(ref RemapRequest request)
    {
        if (request.Area.IsNone)
        {
            return Errno.EFAULT;
        }

        if (!request.HasTarget)
        {
            request.NewAddress = request.Address;
            if (!request.IsExpanding)
            {
                return Errno.None;
            }
        }

        ref VmArea area = ref Areas[request.Area];
        if (request.OldLengthBytes == 0 && (area.Flags & (VmFlags.Shared | VmFlags.MayShare)) == 0)
        {
            return Errno.EINVAL;
        }

        if ((request.Flags & RemapFlags.DontUnmap) != 0 && (area.Flags & (VmFlags.DontExpand | VmFlags.PfnMap)) != 0)
        {
            return Errno.EINVAL;
        }

        ulong oldLength = request.IsShrinking ? request.NewLengthBytes : request.OldLengthBytes;
        if (oldLength > area.End - request.Address)
        {
            return Errno.EFAULT;
        }

        if (request.NewLengthBytes == oldLength)
        {
            return Errno.None;
        }

        request.WantsPages = (area.Flags & VmFlags.Locked) != 0;
        ulong offset = area.PageIndexOf(request.Address);
        if (unchecked(offset + (request.NewLengthBytes >> Pfn.PageShift)) < offset)
        {
            return Errno.EINVAL;
        }

        if ((area.Flags & (VmFlags.DontExpand | VmFlags.PfnMap)) != 0)
        {
            return Errno.EFAULT;
        }

        return !MayLock(area.Flags, request.AddedPageCount << Pfn.PageShift) ? Errno.EAGAIN
            : !MayExpand(area.Flags, request.AddedPageCount) ? Errno.ENOMEM : Errno.None;
    }

    // mremap_at: shrinks or grows in place, or moves because there is no room.
    private Errno RemapHere(CpuId cpu, ref RemapRequest request)
    {
        if (!request.IsExpanding)
        {
            return request.IsShrinking ? Shrink(cpu, in request) : Errno.None;
        }

        ref VmArea area = ref Areas[request.Area];
        ulong added = request.AddedPageCount << Pfn.PageShift;
        if (area.End - request.Address == request.OldLengthBytes && HasRoomAbove(in area, added))
        {
            return ExpandHere(cpu, ref request);
        }

        if ((request.Flags & RemapFlags.MayMove) == 0)
        {
            return Errno.ENOMEM;
        }

        Errno errno = ChooseTarget(ref request);
        return errno == Errno.None ? Move(cpu, ref request) : errno;
    }

    // vma_expandable
    private bool HasRoomAbove(in VmArea area, ulong addedBytes)
    {
        VirtAddr end = area.End + addedBytes;
        return end >= area.End && end <= options.TaskSize && Areas.FindIntersection(area.End, end).IsNone;
    }

    private Errno ExpandHere(CpuId cpu, ref RemapRequest request)
    {
        ref VmArea area = ref Areas[request.Area];
        VmFlags flags = area.Flags;
        ulong added = request.AddedPageCount;
        bool isCharged = (flags & VmFlags.Account) != 0;
        if (isCharged && !TryCharge(cpu, added))
        {
            return Errno.ENOMEM;
        }

        VmAreaMerge merge = new(in area, area.End, area.End + (added << Pfn.PageShift)) { Previous = request.Area };
        merge.Next = Areas.NextOf(request.Area);
        request.Area = MergeNew(cpu, ref merge, isExpandingOnly: false);
        if (request.Area.IsNone)
        {
            commit.Uncharge(cpu, isCharged ? added : 0);
            return Errno.ENOMEM;
        }

        CountPages(flags, added);
        CountLockedPages(flags, added);
        return Errno.None;
    }

    // do_vmi_munmap() of the tail, whatever the caller called the old length.
    private Errno Shrink(CpuId cpu, in RemapRequest request)
    {
        VirtAddr start = request.Address + request.NewLengthBytes;
        ulong length = request.OldLengthBytes - request.NewLengthBytes;
        return start > options.TaskSize || length > options.TaskSize - start ? Errno.EINVAL : UnmapAligned(cpu, start, start + length);
    }

    // mremap_to: the program says where, or wants the source kept.
    private Errno RemapTo(CpuId cpu, ref RemapRequest request)
    {
        if ((request.Flags & RemapFlags.Fixed) != 0)
        {
            Errno errno = UnmapAligned(cpu, request.NewAddress, request.NewAddress + request.NewLengthBytes);
            if (errno != Errno.None)
            {
                return errno;
            }

            request.Area = Areas.Find(request.Address); // it may have been split
            if (request.Area.IsNone)
            {
                return Errno.EFAULT;
            }
        }

        if (request.IsShrinking)
        {
            Errno errno = Shrink(cpu, in request);
            if (errno != Errno.None)
            {
                return errno;
            }

            request.OldLengthBytes = request.NewLengthBytes;
            request.Area = Areas.Find(request.Address);
        }

        bool isKept = (request.Flags & RemapFlags.DontUnmap) != 0;
        if (request.Area.IsNone || (isKept && !MayExpand(Areas[request.Area].Flags, request.OldLengthBytes >> Pfn.PageShift)))
        {
            return Errno.ENOMEM;
        }

        Errno chosen = ChooseTarget(ref request);
        return chosen == Errno.None ? Move(cpu, ref request) : chosen;
    }

    // vrm_set_new_addr
    private Errno ChooseTarget(ref RemapRequest request)
    {
        ref VmArea area = ref Areas[request.Area];
        VirtAddr hint = request.HasTarget ? request.NewAddress : default;
        bool isFixed = (request.Flags & RemapFlags.Fixed) != 0;
        bool isAnonymousPrivate = area.IsAnonymous;
        ulong offset = area.PageIndexOf(request.Address);
        Errno errno = FindUnmapped(hint, request.NewLengthBytes, offset, ModesOf(in area), isAnonymousPrivate, isFixed, out request.NewAddress);
        if (errno == Errno.None && !isFixed && !isAnonymousPrivate)
        {
            AlignShared(hint, request.NewLengthBytes, offset, pages.SharedAlignmentOf(area.File), ref request.NewAddress);
        }

        return errno;
    }

    private MappedFileModes ModesOf(in VmArea area) => area.IsAnonymous ? MappedFileModes.None : pages.ModesOf(area.File);

    // move_vma
    private Errno Move(CpuId cpu, ref RemapRequest request)
    {
        if (Areas.Count >= options.MapCountMax - 3)
        {
            return Errno.ENOMEM;
        }

        VmFlags flags = Areas[request.Area].Flags;
        bool isKept = (request.Flags & RemapFlags.DontUnmap) != 0;
        bool isAccounted = (flags & VmFlags.Account) != 0;
        ulong newPages = request.NewLengthBytes >> Pfn.PageShift;
        ulong charged = isAccounted ? isKept ? newPages : request.AddedPageCount : 0;
        if (charged != 0 && !TryCharge(cpu, charged))
        {
            return Errno.ENOMEM;
        }

        VmAreaRef source = request.Area;
        Errno errno = CopyArea(cpu, ref source, request.Address, request.NewAddress, request.NewLengthBytes, out VmAreaRef target);
        if (errno != Errno.None)
        {
            commit.Uncharge(cpu, charged);
            return errno;
        }

        ulong moved = pages.MovePages(cpu, source, request.Address, target, request.NewAddress, request.OldLengthBytes);
        CountPages(flags, newPages);
        CountLockedPages(flags, newPages);
        if (moved < request.OldLengthBytes)
        {
            // Back where they came from; the target goes instead of the source.
            _ = pages.MovePages(cpu, target, request.NewAddress, source, request.Address, moved);
            UnmapMoved(cpu, request.NewAddress, request.NewLengthBytes, isAccounted, refund: charged);
            return Errno.ENOMEM;
        }

        if (isKept)
        {
            KeepSource(cpu, source, target, in request);
        }
        else if (request.OldLengthBytes != 0)
        {
            UnmapMoved(cpu, request.Address, request.OldLengthBytes, isAccounted, refund: 0);
        }

        return Errno.None;
    }

    // The charge of what is unmapped has passed to the target, so unmapping must not take it back (unmap_source_vma).
    private void UnmapMoved(CpuId cpu, VirtAddr start, ulong lengthBytes, bool isAccounted, ulong refund)
    {
        Errno errno = UnmapAligned(cpu, start, start + lengthBytes);
        if (errno == Errno.None && isAccounted)
        {
            commit.Charge(cpu, lengthBytes >> Pfn.PageShift);
        }

        commit.Uncharge(cpu, refund);
    }

    // dontunmap_complete: the source stays, empty and unlocked.
    private void KeepSource(CpuId cpu, VmAreaRef source, VmAreaRef target, in RemapRequest request)
    {
        ref VmArea kept = ref Areas[source];
        bool isWhole = kept.Start == request.Address && kept.End == request.Address + request.OldLengthBytes;
        if ((kept.Flags & VmFlags.Locked) != 0)
        {
            // Linux leaves locked_vm as it is here and counts the pages twice from then on; here the counter stays exact.
            mm->LockedPages = unchecked(mm->LockedPages - kept.PageCount);
        }

        kept.Flags &= ~VmFlags.LockedMask;
        if (target != source && isWhole)
        {
            anonVmas.Unlink(cpu, source);
        }
    }

    // copy_vma: the target joins its neighbours or is a copy of the source.
    private Errno CopyArea(CpuId cpu, ref VmAreaRef source, VirtAddr from, VirtAddr start, ulong lengthBytes, out VmAreaRef target)
    {
        ref VmArea content = ref Areas[source];
        VirtAddr sourceStart = content.Start;
        VmAreaMerge merge = new(in content, start, start + lengthBytes)
        {
            PageOffset = content.IsAnonymous && content.AnonVma.IsNone ? start.Value >> Pfn.PageShift : content.PageIndexOf(from),
            CopiedFrom = source,
        };
        FindNeighbours(ref merge);
        target = MergeNew(cpu, ref merge, isExpandingOnly: false);
        if (!target.IsNone)
        {
            ref VmArea merged = ref Areas[target];
            source = merged.Contains(sourceStart) ? target : source;
            return Errno.None;
        }

        if (merge.IsOutOfMemory || !TryCopyArea(cpu, source, out target))
        {
            return Errno.ENOMEM;
        }

        ref VmArea copy = ref Areas[target];
        copy.Start = merge.Start;
        copy.End = merge.End;
        copy.PageOffset = merge.PageOffset;
        if (Areas.TryInsert(cpu, target))
        {
            return Errno.None;
        }

        FreeArea(cpu, target);
        target = VmAreaRef.None;
        return Errno.ENOMEM;
    }
}
