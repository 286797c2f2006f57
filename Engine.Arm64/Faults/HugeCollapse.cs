// 2 MiB of single pages become one folio mapped by a block (mm/khugepaged.c: hpage_collapse_scan_pmd, collapse_huge_page): khugepaged does
// it in the background, MADV_COLLAPSE at once and without khugepaged's limits. All that is mapped is copied, what is not
// reads as zero, what is in swap space is brought back first; the table stays in reserve. Anonymous memory only.

using Engine.Arm64.HugePages;
using Engine.Arm64.PageTables;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <summary>Collapses pages into huge pages.</summary>
internal static class HugeCollapse
{
    private const int PagesPerBlock = 1 << HugePageOptions.HugeOrder;

    // What khugepaged reads from swap space for one huge page (khugepaged/max_ptes_swap), and how many pages must have been used then.
    private const int SwappedPagesMax = PagesPerBlock / 8;
    private const int ReferencedPagesMin = PagesPerBlock / 2;

    /// <summary>MADV_COLLAPSE (<c>madvise_collapse</c>).</summary>
    /// <returns>EINVAL where the VMA may have no huge pages, has no room for one, or some 2 MiB have no table; ENOMEM; EAGAIN where somebody holds a page.</returns>
    public static Errno CollapseRange(Process process, CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end)
    {
        VmArea vma = process.Memory.Areas[area];
        if (!vma.IsAnonymous || vma.AnonVma.IsNone || !HugePagePolicy.MayCollapse(vma.Flags, process.Memory.State.IsThpDisabled != 0))
        {
            return Errno.EINVAL;
        }

        if (HugeMaps.StartOf(vma.Start + (HugeMaps.Bytes - 1)) >= HugeMaps.StartOf(vma.End))
        {
            return Errno.EINVAL;
        }

        VirtAddr first = HugeMaps.StartOf(start + (HugeMaps.Bytes - 1));
        VirtAddr last = HugeMaps.StartOf(end);
        Errno failed = Errno.None;
        for (VirtAddr at = first; at < last; at += HugeMaps.Bytes)
        {
            Errno errno = Collapse(process, cpu, area, at, isBackground: false);
            failed = errno == Errno.None ? failed : errno;
            if (errno == Errno.ENOMEM)
            {
                break;
            }
        }

        return failed;
    }

    /// <summary>One round of khugepaged over a process (<c>khugepaged_scan_mm_slot</c>): every VMA that may have huge pages, every 2 MiB that qualifies.</summary>
    /// <param name="process">The process.</param>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="countMax">At most so many are collapsed.</param>
    /// <returns>How many were collapsed.</returns>
    public static int Scan(Process process, CpuId cpu, int countMax)
    {
        int collapsed = 0;
        bool isDisabled = process.Memory.State.IsThpDisabled != 0;
        VmAreaTree areas = process.Memory.Areas;
        for (VmAreaRef area = areas.First; !area.IsNone; area = areas.NextOf(area))
        {
            VmArea vma = areas[area];
            bool isAllowed = vma.IsAnonymous && !vma.AnonVma.IsNone && HugePagePolicy.MayCollapse(vma.Flags, isDisabled)
                && (process.Machine.HugePages.OrdersFor(vma.Flags, isDisabled) & (1u << HugePageOptions.HugeOrder)) != 0;
            if (!isAllowed)
            {
                continue;
            }

            VirtAddr end = HugeMaps.StartOf(vma.End);
            for (VirtAddr at = HugeMaps.StartOf(vma.Start + (HugeMaps.Bytes - 1)); at < end && collapsed < countMax; at += HugeMaps.Bytes)
            {
                bool isNew = !HugeMaps.TryGetBlock(process, at, out _);
                collapsed += isNew && Collapse(process, cpu, area, at, isBackground: true) == Errno.None ? 1 : 0;
            }
        }

        return collapsed;
    }

    private static Errno Collapse(Process process, CpuId cpu, VmAreaRef area, VirtAddr start, bool isBackground)
    {
        Descriptor block = process.Tables.Read(start, out int level);
        if (level == PageTable.HugeLevel && block.IsPresent)
        {
            return block.IsSpecial ? Errno.EINVAL : Errno.None; // SCAN_PMD_MAPPED
        }

        Errno errno = level == PageTable.LastLevel ? Judge(process, start, isBackground) : Errno.EINVAL;
        if (errno != Errno.None)
        {
            return errno;
        }

        if (!TrySwapIn(process, cpu, start))
        {
            return Errno.EINVAL;
        }

        UserFrames frames = process.Machine.UserFrames;
        bool isMade = frames.TryAllocateFolio(cpu, HugePageOptions.HugeOrder, GfpFlags.TransHuge, out Pfn head);
        frames.HugeCounters.Add(isMade ? HugePageEvent.CollapseAllocation : HugePageEvent.CollapseAllocationFailed);
        if (!isMade)
        {
            return Errno.ENOMEM;
        }

        Replace(process, cpu, area, start, head);
        return Errno.None;
    }

    // hpage_collapse_scan_pmd
    private static Errno Judge(Process process, VirtAddr start, bool isBackground)
    {
        UserFrames frames = process.Machine.UserFrames;
        HugePagePolicy policy = process.Machine.HugePages;
        int empty = 0;
        int shared = 0;
        bool isWritable = false;
        int swapped = 0;
        int referenced = 0;
        for (int i = 0; i < PagesPerBlock; i++)
        {
            Descriptor entry = process.Tables.ReadGathered(start + ((ulong)(uint)i << Pfn.PageShift));
            if (entry.IsNone || (entry.IsPresent && entry.IsSpecial))
            {
                empty++;
                continue;
            }

            if (entry.IsSwap)
            {
                swapped++;
                continue;
            }

            if (!entry.IsPresent || !frames.IsAnonymous(entry))
            {
                return Errno.EINVAL; // a file's
            }

            isWritable |= entry.IsWritable;
            referenced += entry.IsYoung ? 1 : 0;
            shared += frames.MappingsOf(entry.Pfn) > 1 ? 1 : 0;
            if (frames.HasOtherHolders(entry.Pfn))
            {
                return Errno.EAGAIN; // SCAN_PAGE_COUNT
            }
        }

        if (!isWritable && process.Machine.Options.Release == KernelRelease.Linux69)
        {
            return Errno.EINVAL; // SCAN_PAGE_RO
        }

        bool isUsed = referenced > 0 && (swapped == 0 || referenced >= ReferencedPagesMin);
        bool isRefused = isBackground
            && (!isUsed || empty > policy.CollapseEmptyMax || shared > policy.CollapseSharedMax || swapped > SwappedPagesMax);
        return isRefused ? Errno.EINVAL : Errno.None;
    }

    // __collapse_huge_page_swapin: as faults would, but none is counted.
    private static bool TrySwapIn(Process process, CpuId cpu, VirtAddr start)
    {
        for (VirtAddr at = start; at < start + HugeMaps.Bytes; at += Pfn.PageSizeBytes)
        {
            if (process.Tables.Read(at).IsSwap && FaultHandler.SwapIn(process, cpu, at) > FaultResult.Major)
            {
                return false;
            }
        }

        return true;
    }

    // collapse_huge_page: the block takes the place of the table before the old pages are given up.
    private static void Replace(Process process, CpuId cpu, VmAreaRef area, VirtAddr start, Pfn head)
    {
        UserFrames frames = process.Machine.UserFrames;
        ref VmArea vma = ref process.Memory.Areas[area];
        Descriptor[] old = new Descriptor[PagesPerBlock];
        for (int i = 0; i < old.Length; i++)
        {
            old[i] = process.Tables.ReadGathered(start + ((ulong)(uint)i << Pfn.PageShift));
            if (old[i].IsPresent && !old[i].IsSpecial)
            {
                _ = frames.TryCopy(old[i].Pfn, head + (uint)i);
            }
        }

        Descriptor block = Descriptor.ForBlock(head, VmProtection.AttributesOf(vma.Flags, isWriteNotified: false)).MakeDirty();
        block = (vma.Flags & VmFlags.Write) != 0 ? block.MakeWritable() : block;
        process.Tables.TryCollapseHuge(start, block);
        process.FlushTables(start, start + HugeMaps.Bytes);
        frames.AddNewAnonymousFolio(process, cpu, head, in vma, start, isBlock: true);
        foreach (Descriptor entry in old)
        {
            if (entry.IsPresent)
            {
                frames.TryFreeSwapCache(entry.Pfn, ref frames[entry.Pfn]);
                frames.Unmap(process, cpu, entry);
            }
        }
    }
}
