using System.Runtime.CompilerServices;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <content>mmap.</content>
public sealed unsafe partial class MemoryMap
{
    /// <summary>mmap: maps a file or anonymous memory (<c>ksys_mmap_pgoff</c>, <c>do_mmap</c>), checks in Linux's order.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">A hint, or with MAP_FIXED the place.</param>
    /// <param name="lengthBytes">Bytes; rounded up to pages.</param>
    /// <param name="protection">What may be done there.</param>
    /// <param name="flags">How.</param>
    /// <param name="file">The file; ignored with MAP_ANONYMOUS. <see cref="MappedFile.None"/> is a bad descriptor without it.</param>
    /// <param name="offsetBytes">Where in the file.</param>
    /// <returns>The address, or EINVAL, ENOMEM, EOVERFLOW, EEXIST, EPERM, EAGAIN, EACCES, EBADF, ENODEV, EOPNOTSUPP.</returns>
    public SyscallResult Map(CpuId cpu, VirtAddr address, ulong lengthBytes, MemoryProtection protection, MapFlags flags, MappedFile file, ulong offsetBytes)
    {
        if ((offsetBytes & PageMask) != 0)
        {
            return Errno.EINVAL;
        }

        bool isFile = (flags & MapFlags.Anonymous) == 0;
        if (isFile && file.Id == VmArea.NoFile)
        {
            return Errno.EBADF;
        }

        if ((flags & MapFlags.HugeTlb) != 0)
        {
            return isFile ? Errno.EINVAL : Errno.ENOMEM; // no hugetlbfs: not its file, and its pool is empty
        }

        MapRequest request = new()
        {
            Address = address,
            LengthBytes = lengthBytes,
            Protection = protection,
            Flags = flags,
            File = isFile ? file : MappedFile.None,
            PageOffset = offsetBytes >> Pfn.PageShift,
        };
        Errno errno = PrepareMap(ref request);
        errno = errno == Errno.None ? MapRegion(cpu, ref request) : errno;
        if (errno != Errno.None)
        {
            return errno;
        }

        bool wantsPages = (flags & (MapFlags.Populate | MapFlags.NonBlock)) == MapFlags.Populate;
        if (wantsPages || (request.VmFlags & VmFlags.Locked) != 0)
        {
            Populate(cpu, request.Address, request.Address + request.LengthBytes, ignoresErrors: true);
        }

        return SyscallResult.FromAddress(request.Address);
    }

    // Everything that can be refused before anything changes, and the place.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Errno PrepareMap(ref MapRequest request)
    {
        if (request.LengthBytes == 0)
        {
            return Errno.EINVAL;
        }

        bool isFixed = (request.Flags & (MapFlags.Fixed | MapFlags.FixedNoReplace)) != 0;
        if (!isFixed)
        {
            request.Address = RoundHint(request.Address);
        }

        request.LengthBytes = PageAlign(request.LengthBytes);
        if (request.LengthBytes == 0)
        {
            return Errno.ENOMEM;
        }

        if (unchecked(request.PageOffset + (request.LengthBytes >> Pfn.PageShift)) < request.PageOffset)
        {
            return Errno.EOVERFLOW;
        }

        if (Areas.Count > options.MapCountMax)
        {
            return Errno.ENOMEM;
        }

        request.VmFlags = FromProtection(request.Protection) | FromMapFlags(request.Flags) | mm->DefaultFlags
            | VmFlags.MayRead | VmFlags.MayWrite | VmFlags.MayExec;
        bool isAnonymousPrivate = request.File.Id == VmArea.NoFile && (request.Flags & MapFlags.TypeMask) == MapFlags.Private;
        Errno errno = FindUnmapped(
            request.Address, request.LengthBytes, request.PageOffset, request.File.Modes, isAnonymousPrivate, isFixed, out VirtAddr place);
        if (errno == Errno.None && !isFixed && !isAnonymousPrivate)
        {
            ulong offset = request.File.Id == VmArea.NoFile ? 0 : request.PageOffset;
            AlignShared(request.Address, request.LengthBytes, offset, pages.SharedAlignmentOf(request.File.Id), ref place);
        }

        request.Address = place;
        if (errno != Errno.None)
        {
            return errno;
        }

        if ((request.Flags & MapFlags.FixedNoReplace) != 0
            && !Areas.FindIntersection(request.Address, request.Address + request.LengthBytes).IsNone)
        {
            return Errno.EEXIST;
        }

        if ((request.Flags & MapFlags.Locked) != 0 && !MayLockAtAll)
        {
            return Errno.EPERM;
        }

        if (!MayLock(request.VmFlags, request.LengthBytes))
        {
            return Errno.EAGAIN;
        }

        errno = request.File.Id == VmArea.NoFile ? PrepareAnonymous(ref request) : PrepareFile(ref request);
        if (errno == Errno.None && (request.Flags & MapFlags.NoReserve) != 0 && commit.Mode != OvercommitMode.Never)
        {
            request.VmFlags |= VmFlags.NoReserve;
        }

        return errno;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Errno PrepareAnonymous(ref MapRequest request)
    {
        switch (request.Flags & MapFlags.TypeMask)
        {
            case MapFlags.Shared:
                request.PageOffset = 0;
                request.VmFlags |= VmFlags.Shared | VmFlags.MayShare;
                return (request.VmFlags & VmFlags.GrowsDown) != 0 ? Errno.EINVAL : Errno.None;
            case MapFlags.Private:
                request.PageOffset = request.Address.Value >> Pfn.PageShift;
                return Errno.None;
            default:
                return Errno.EINVAL;
        }
    }

    private static Errno PrepareFile(ref MapRequest request)
    {
        MappedFileModes modes = request.File.Modes;
        MapFlags type = request.Flags & MapFlags.TypeMask;
        const ulong fileBytesMax = long.MaxValue;
        ulong firstPastEnd = unchecked(request.PageOffset + (request.LengthBytes >> Pfn.PageShift));
        if (firstPastEnd > fileBytesMax >> Pfn.PageShift)
        {
            return Errno.EOVERFLOW;
        }

        if (type is MapFlags.Shared or MapFlags.SharedValidate)
        {
            if (type == MapFlags.SharedValidate && (request.Flags & ~MapFlags.Legacy) != 0)
            {
                return Errno.EOPNOTSUPP;
            }

            bool isWritable = (modes & MappedFileModes.Write) != 0;
            if (((request.Protection & MemoryProtection.Write) != 0 && !isWritable) || ((modes & MappedFileModes.Append) != 0 && isWritable))
            {
                return Errno.EACCES;
            }

            request.VmFlags |= VmFlags.Shared | VmFlags.MayShare;
            request.VmFlags &= isWritable ? ~VmFlags.None : ~(VmFlags.MayWrite | VmFlags.Shared);
        }
        else if (type != MapFlags.Private)
        {
            return Errno.EINVAL;
        }

        if ((modes & MappedFileModes.Read) == 0)
        {
            return Errno.EACCES;
        }

        if ((modes & MappedFileModes.NoExec) != 0)
        {
            if ((request.VmFlags & VmFlags.Exec) != 0)
            {
                return Errno.EPERM;
            }

            request.VmFlags &= ~VmFlags.MayExec;
        }

        return (modes & MappedFileModes.NoMap) != 0 ? Errno.ENODEV
            : (request.VmFlags & VmFlags.GrowsDown) != 0 ? Errno.EINVAL : Errno.None;
    }

    // mmap_region: limits, what was there before, then the VMA. Since 6.12 what was there stays where a limit refuses the new.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Errno MapRegion(CpuId cpu, ref MapRequest request)
    {
        VirtAddr start = request.Address;
        VirtAddr end = start + request.LengthBytes;
        ulong pageCount = request.LengthBytes >> Pfn.PageShift;
        UnmapRange old = default;
        VmAreaMerge merge = new(start, end, request.VmFlags, request.PageOffset, request.File.Id);
        FindNeighbours(ref merge);
        if (!merge.Next.IsNone && Areas[merge.Next].Start < end)
        {
            Errno errno = PrepareUnmap(cpu, merge.Next, start, end, out old);
            if (errno != Errno.None)
            {
                return errno;
            }
        }

        ulong charged = 0;
        if (!MayExpand(request.VmFlags, pageCount - old.PageCount))
        {
            return Errno.ENOMEM;
        }

        if (IsAccountable(request.VmFlags))
        {
            // What the old mapping was charged passes to the new one.
            charged = unchecked(pageCount - old.AccountedPageCount);
            if (charged != 0 && !TryCharge(cpu, charged))
            {
                return Errno.ENOMEM;
            }

            old.AccountedPageCount = 0;
            request.VmFlags |= VmFlags.Account;
        }

        if (old.PageCount != 0)
        {
            CompleteUnmap(cpu, in old);
            FindNeighbours(ref merge);
        }

        merge.Flags = request.VmFlags;
        if (!TryPlaceRegion(cpu, ref request, ref merge, out Errno error))
        {
            commit.Uncharge(cpu, charged);
            return error;
        }

        CountPages(request.VmFlags, pageCount);
        CountLockedPages(request.VmFlags, pageCount);
        return Errno.None;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryPlaceRegion(CpuId cpu, ref MapRequest request, ref VmAreaMerge merge, out Errno errno)
    {
        errno = Errno.None;
        if (!MergeNew(cpu, ref merge, isExpandingOnly: false).IsNone)
        {
            return true;
        }

        uint file = request.File.Id;
        if (file == VmArea.NoFile && (request.VmFlags & VmFlags.Shared) != 0)
        {
            errno = pages.CreateSharedAnonymous(cpu, (merge.End - merge.Start) >> Pfn.PageShift, request.VmFlags, out file);
            if (errno != Errno.None)
            {
                return false;
            }
        }

        errno = AddArea(cpu, merge.Start, merge.End, request.VmFlags, request.PageOffset, file, out _);
        return errno == Errno.None;
    }

    private Errno AddArea(CpuId cpu, VirtAddr start, VirtAddr end, VmFlags flags, ulong pageOffset, uint file, out VmAreaRef area)
    {
        if (!TryNewArea(cpu, start, end, flags, pageOffset, file, out area))
        {
            return Errno.ENOMEM;
        }

        if (!Areas.TryInsert(cpu, area))
        {
            caches.Areas.Free(cpu, area.Address);
            return Errno.ENOMEM;
        }

        if (file != VmArea.NoFile)
        {
            pages.LinkFile(cpu, area);
        }

        return Errno.None;
    }

    private void FindNeighbours(ref VmAreaMerge merge)
    {
        merge.Next = Areas.FindFrom(merge.Start, out merge.Previous);
    }

    // A hint below the minimum is moved up to it (round_hint_to_min).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private VirtAddr RoundHint(VirtAddr hint)
    {
        VirtAddr rounded = new(hint.Value & ~PageMask);
        return rounded.Value != 0 && rounded < options.MinimumAddress ? PageAlign(options.MinimumAddress) : rounded;
    }

    // calc_vm_prot_bits; on ARM64 PROT_WRITE implies reading in the descriptor, not in the VMA
    private static VmFlags FromProtection(MemoryProtection protection) => (VmFlags)(protection & (MemoryProtection.Read | MemoryProtection.Write | MemoryProtection.Exec));

    // calc_vm_flag_bits
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static VmFlags FromMapFlags(MapFlags flags) =>
        ((flags & MapFlags.GrowsDown) != 0 ? VmFlags.GrowsDown : 0)
        | ((flags & MapFlags.Locked) != 0 ? VmFlags.Locked : 0)
        | ((flags & MapFlags.Sync) != 0 ? VmFlags.Sync : 0)
        | ((flags & MapFlags.Stack) != 0 ? VmFlags.NoHugePage : 0);
}
