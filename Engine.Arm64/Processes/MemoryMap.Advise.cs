using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <content>madvise, msync, mincore.</content>
public sealed unsafe partial class MemoryMap
{
    /// <summary>madvise (<c>do_madvise</c>).</summary>
    /// <returns>EINVAL, ENOMEM (a hole; what is mapped was advised all the same), EAGAIN, EACCES, EFAULT, EBUSY.</returns>
    public SyscallResult Advise(CpuId cpu, VirtAddr address, ulong lengthBytes, MemoryAdvice advice)
    {
        if (!IsKnown(advice) || IsMisaligned(address))
        {
            return Errno.EINVAL;
        }

        ulong length = PageAlign(lengthBytes);
        VirtAddr end = address + length;
        if ((lengthBytes != 0 && length == 0) || end < address)
        {
            return Errno.EINVAL;
        }

        if (end == address)
        {
            return Errno.None;
        }

        return advice switch
        {
            MemoryAdvice.PopulateRead => PopulateAdvised(cpu, address, end, PopulateKind.Read),
            MemoryAdvice.PopulateWrite => PopulateAdvised(cpu, address, end, PopulateKind.Write),
            _ => AdviseAreas(cpu, address, end, advice),
        };
    }

    /// <summary>msync.</summary>
    /// <returns>EINVAL, ENOMEM (a hole), EBUSY (MS_INVALIDATE of locked memory), EIO.</returns>
    public SyscallResult Sync(CpuId cpu, VirtAddr address, ulong lengthBytes, SyncFlags flags)
    {
        const SyncFlags all = SyncFlags.Async | SyncFlags.Invalidate | SyncFlags.Sync;
        const SyncFlags both = SyncFlags.Async | SyncFlags.Sync;
        if ((flags & ~all) != 0 || IsMisaligned(address) || (flags & both) == both)
        {
            return Errno.EINVAL;
        }

        VirtAddr start = address;
        VirtAddr end = start + PageAlign(lengthBytes);
        if (end < start)
        {
            return Errno.ENOMEM;
        }

        Errno hole = Errno.None;
        while (start < end)
        {
            VmAreaRef area = Areas.FindFrom(start);
            if (area.IsNone || Areas[area].Start >= end || (Areas[area].Start > start && flags == SyncFlags.Async))
            {
                return Errno.ENOMEM;
            }

            ref VmArea content = ref Areas[area];
            if (content.Start > start)
            {
                start = content.Start;
                hole = Errno.ENOMEM;
            }

            if ((flags & SyncFlags.Invalidate) != 0 && (content.Flags & VmFlags.Locked) != 0)
            {
                return Errno.EBUSY;
            }

            VirtAddr stop = content.End;
            if ((flags & SyncFlags.Sync) != 0 && !content.IsAnonymous && (content.Flags & VmFlags.Shared) != 0)
            {
                Errno errno = pages.SyncPages(cpu, area, start, Min(stop, end));
                if (errno != Errno.None)
                {
                    return errno;
                }
            }

            start = stop;
        }

        return hole;
    }

    /// <summary>mincore.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">First byte.</param>
    /// <param name="lengthBytes">Bytes; rounded up to pages.</param>
    /// <param name="isResident">A byte a page, 1 where it is in memory. Where it is too short: EFAULT.</param>
    /// <returns>EINVAL, ENOMEM (a hole, or no user address), EFAULT.</returns>
    public SyscallResult QueryResident(CpuId cpu, VirtAddr address, ulong lengthBytes, Span<byte> isResident)
    {
        if (IsMisaligned(address))
        {
            return Errno.EINVAL;
        }

        if (address > options.TaskSize || lengthBytes > options.TaskSize - address)
        {
            return Errno.ENOMEM;
        }

        VirtAddr start = address;
        VirtAddr end = start + PageAlign(lengthBytes);
        if ((end - start) >> Pfn.PageShift > (ulong)isResident.Length)
        {
            return Errno.EFAULT;
        }

        while (start < end)
        {
            VmAreaRef area = Areas.Find(start);
            if (area.IsNone)
            {
                return Errno.ENOMEM;
            }

            VirtAddr stop = Min(end, Areas[area].End);
            int first = (int)((start - address) >> Pfn.PageShift);
            pages.QueryResidentPages(cpu, area, start, stop, isResident.Slice(first, (int)((stop - start) >> Pfn.PageShift)));
            start = stop;
        }

        return Errno.None;
    }

    private static bool IsKnown(MemoryAdvice advice) =>
        advice is (>= MemoryAdvice.Normal and <= MemoryAdvice.DontNeed) or (>= MemoryAdvice.Free and <= MemoryAdvice.Collapse);

    private Errno AdviseAreas(CpuId cpu, VirtAddr start, VirtAddr end, MemoryAdvice advice) =>
        WalkAreas(cpu, start, end, advice, static (map, cpu, area, start, end, advice) => map.AdviseArea(cpu, area, start, end, advice));

    // What is done to the part of one VMA that a range covers. A static lambda allocates nothing.
    private delegate Errno AreaStep<in TWhat>(MemoryMap map, CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end, TWhat what);

    // madvise_walk_vmas: goes on behind a hole, and says ENOMEM in the end.
    private Errno WalkAreas<TWhat>(CpuId cpu, VirtAddr start, VirtAddr end, TWhat what, AreaStep<TWhat> step)
    {
        Errno hole = Errno.None;
        while (start < end)
        {
            VmAreaRef area = Areas.FindFrom(start);
            if (area.IsNone)
            {
                return Errno.ENOMEM;
            }

            ref VmArea content = ref Areas[area];
            if (content.Start > start)
            {
                hole = Errno.ENOMEM;
                start = content.Start;
                if (start >= end)
                {
                    break;
                }
            }

            VirtAddr stop = Min(content.End, end);
            Errno errno = step(this, cpu, area, start, stop, what);
            if (errno != Errno.None)
            {
                return errno;
            }

            start = stop;
        }

        return hole;
    }

    private Errno AdviseArea(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end, MemoryAdvice advice)
    {
        ref VmArea content = ref Areas[area];
        VmFlags flags = content.Flags;
        Errno errno = advice switch
        {
            MemoryAdvice.DontNeed or MemoryAdvice.Free when (flags & (VmFlags.Locked | VmFlags.PfnMap)) != 0 => Errno.EINVAL,
            MemoryAdvice.DontNeedLocked when (flags & VmFlags.PfnMap) != 0 => Errno.EINVAL,
            MemoryAdvice.Free when !content.IsAnonymous => Errno.EINVAL,
            MemoryAdvice.Cold or MemoryAdvice.PageOut when (flags & (VmFlags.Locked | VmFlags.PfnMap | VmFlags.HugeTlb)) != 0 => Errno.EINVAL,
            MemoryAdvice.Remove when (flags & VmFlags.Locked) != 0 || content.IsAnonymous => Errno.EINVAL,
            MemoryAdvice.Remove when (flags & (VmFlags.Shared | VmFlags.MayWrite)) != (VmFlags.Shared | VmFlags.MayWrite) => Errno.EACCES,
            MemoryAdvice.WipeOnFork when !content.IsAnonymous || (flags & VmFlags.Shared) != 0 => Errno.EINVAL,
            MemoryAdvice.DoFork when (flags & VmFlags.Io) != 0 => Errno.EINVAL,
            MemoryAdvice.DoDump when (flags & VmFlags.HugeTlb) == 0 && (flags & VmFlags.Special) != 0 => Errno.EINVAL,
            _ => Errno.None,
        };
        if (errno != Errno.None)
        {
            return errno;
        }

        if (!TryGetAdvisedFlags(in content, advice, out VmFlags advised))
        {
            return pages.AdvisePages(cpu, area, start, end, advice);
        }

        if (advised == flags)
        {
            return Errno.None;
        }

        errno = Modify(cpu, area, start, end, advised, out VmAreaRef changed);
        if (errno == Errno.None)
        {
            Areas[changed].Flags = advised;
        }

        return errno == Errno.ENOMEM ? Errno.EAGAIN : errno;
    }

    // The flags that an advice leaves; false where it is about pages.
    private static bool TryGetAdvisedFlags(in VmArea area, MemoryAdvice advice, out VmFlags flags)
    {
        VmFlags old = area.Flags;
        const VmFlags notMergeable = VmFlags.Shared | VmFlags.MayShare | VmFlags.Special | VmFlags.HugeTlb;
        flags = advice switch
        {
            MemoryAdvice.Normal => old & ~(VmFlags.RandomRead | VmFlags.SequentialRead),
            MemoryAdvice.Sequential => (old & ~VmFlags.RandomRead) | VmFlags.SequentialRead,
            MemoryAdvice.Random => (old & ~VmFlags.SequentialRead) | VmFlags.RandomRead,
            MemoryAdvice.DontFork => old | VmFlags.DontCopy,
            MemoryAdvice.DoFork => old & ~VmFlags.DontCopy,
            MemoryAdvice.WipeOnFork => old | VmFlags.WipeOnFork,
            MemoryAdvice.KeepOnFork => old & ~VmFlags.WipeOnFork,
            MemoryAdvice.DontDump => old | VmFlags.DontDump,
            MemoryAdvice.DoDump => old & ~VmFlags.DontDump,
            MemoryAdvice.Mergeable => (old & notMergeable) != 0 ? old : old | VmFlags.Mergeable,
            MemoryAdvice.Unmergeable => old & ~VmFlags.Mergeable,
            MemoryAdvice.HugePage => (old & ~VmFlags.NoHugePage) | VmFlags.HugePage,
            MemoryAdvice.NoHugePage => (old & ~VmFlags.HugePage) | VmFlags.NoHugePage,
            _ => VmFlags.None,
        };
        return advice is MemoryAdvice.Normal or MemoryAdvice.Sequential or MemoryAdvice.Random
            || (advice is >= MemoryAdvice.DontFork and <= MemoryAdvice.KeepOnFork);
    }
}
