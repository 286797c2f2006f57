// 2 MiB of single pages become one folio mapped by a block (mm/khugepaged.c: hpage_collapse_scan_pmd, collapse_huge_page): khugepaged does
// it in the background, MADV_COLLAPSE at once and without khugepaged's limits. All that is mapped is copied, what is not
// reads as zero, what is in swap space is brought back first; the table stays in reserve. Files are FileCollapse's.

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
    private const uint HugeOrderBit = 1u << HugePageOptions.HugeOrder;
    private const int PagesPerBlock = 1 << HugePageOptions.HugeOrder;

    // What khugepaged reads from swap space for one huge page (khugepaged/max_ptes_swap), and how many pages must have been used then.
    public const int SwappedPagesMax = PagesPerBlock / 8;
    private const int ReferencedPagesMin = PagesPerBlock / 2;

    /// <summary>MADV_COLLAPSE (<c>madvise_collapse</c>).</summary>
    /// <returns>
    /// EINVAL where the VMA may have no huge pages, has no room for one, or some 2 MiB cannot become one; ENOMEM; EAGAIN where somebody holds a
    /// page. What could be collapsed before that is.
    /// </returns>
    public static Errno CollapseRange(Process process, CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end)
    {
        if (!MayCollapse(process, in process.Memory.Areas[area], isBackground: false))
        {
            return Errno.EINVAL;
        }

        VirtAddr first = HugeMaps.StartOf(start + (HugeMaps.Bytes - 1));
        VirtAddr last = HugeMaps.StartOf(end);
        if (first > last)
        {
            return Errno.EINVAL;
        }

        Errno failed = Errno.None;
        for (VirtAddr at = first; at < last; at += HugeMaps.Bytes)
        {
            CollapseOutcome outcome = Collapse(process, cpu, area, at, isBackground: false);
            failed = outcome.Errno == Errno.None ? failed : outcome.Errno;
            if (outcome.EndsCall)
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
        VmAreaTree areas = process.Memory.Areas;
        for (VmAreaRef area = areas.First; !area.IsNone; area = areas.NextOf(area))
        {
            VmArea vma = areas[area];
            if (!MayCollapse(process, in vma, isBackground: true))
            {
                continue;
            }

            VirtAddr end = HugeMaps.StartOf(vma.End);
            for (VirtAddr at = HugeMaps.StartOf(vma.Start + (HugeMaps.Bytes - 1)); at < end && collapsed < countMax; at += HugeMaps.Bytes)
            {
                bool isNew = !HugeMaps.TryGetBlock(process, at, out _);
                collapsed += isNew && Collapse(process, cpu, area, at, isBackground: true).Errno == Errno.None ? 1 : 0;
            }
        }

        return collapsed;
    }

    // thp_vma_allowable_order: what the VMA is, room for 2 MiB aligned as the file, and khugepaged's settings.
    private static bool MayCollapse(Process process, in VmArea vma, bool isBackground)
    {
        bool isDisabled = process.Memory.State.IsThpDisabled != 0;
        HugePagePolicy policy = process.Machine.HugePages;
        if (!HugePagePolicy.MayCollapse(vma.Flags, isDisabled)
            || vma.LengthBytes < HugeMaps.Bytes || !vma.HasRoomFor(vma.Start + (vma.LengthBytes - HugeMaps.Bytes), HugePageOptions.HugeOrder))
        {
            return false;
        }

        if (!vma.IsAnonymous)
        {
            // The files of disks would have to be read-only to all (CONFIG_READ_ONLY_THP_FOR_FS), which no kernel of ours has.
            return process.Machine.Files.TryGet(vma.File)?.Mapping is { IsShmem: true } mapping
                && (policy.Shmem.OrdersFor(mapping, vma.Flags, isDisabled, vma.PageOffset, isForced: !isBackground) & HugeOrderBit) != 0;
        }

        return !vma.AnonVma.IsNone && (!isBackground || (policy.OrdersFor(vma.Flags, isDisabled) & HugeOrderBit) != 0);
    }

    private static CollapseOutcome Collapse(Process process, CpuId cpu, VmAreaRef area, VirtAddr start, bool isBackground)
    {
        if (!process.Memory.Areas[area].IsAnonymous)
        {
            return FileCollapse.Collapse(process, cpu, area, start, isBackground);
        }

        Descriptor block = process.Tables.Read(start, out int level);
        if (level == PageTable.HugeLevel && block.IsPresent)
        {
            return CollapseOutcome.Done; // SCAN_PMD_MAPPED
        }

        if (level != PageTable.LastLevel)
        {
            return level == PageTable.HugeLevel ? CollapseOutcome.Stop(Errno.EINVAL) : CollapseOutcome.GoOn(Errno.EINVAL); // SCAN_PMD_NONE, SCAN_PMD_NULL
        }

        CollapseOutcome judged = Judge(process, start, isBackground);
        if (judged.Errno != Errno.None)
        {
            return judged;
        }

        if (!TrySwapIn(process, cpu, start))
        {
            return CollapseOutcome.Stop(Errno.EINVAL);
        }

        UserFrames frames = process.Machine.UserFrames;
        bool isMade = frames.TryAllocateFolio(cpu, HugePageOptions.HugeOrder, GfpFlags.TransHuge, out Pfn head);
        frames.HugeCounters.Add(isMade ? HugePageEvent.CollapseAllocation : HugePageEvent.CollapseAllocationFailed);
        if (!isMade)
        {
            return CollapseOutcome.Stop(Errno.ENOMEM);
        }

        Replace(process, cpu, area, start, head);
        return CollapseOutcome.Done;
    }

    // hpage_collapse_scan_pmd
    private static CollapseOutcome Judge(Process process, VirtAddr start, bool isBackground)
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
                return CollapseOutcome.Stop(Errno.EINVAL); // a file's
            }

            isWritable |= entry.IsWritable;
            referenced += entry.IsYoung ? 1 : 0;
            shared += frames.MappingsOf(entry.Pfn) > 1 ? 1 : 0;
            if (frames.HasOtherHolders(entry.Pfn))
            {
                return CollapseOutcome.GoOn(Errno.EAGAIN); // SCAN_PAGE_COUNT
            }
        }

        if (!isWritable && process.Machine.Options.Release == KernelRelease.Linux69)
        {
            return CollapseOutcome.GoOn(Errno.EINVAL); // SCAN_PAGE_RO
        }

        bool isUsed = referenced > 0 && (swapped == 0 || referenced >= ReferencedPagesMin);
        bool isRefused = isBackground
            && (!isUsed || empty > policy.CollapseEmptyMax || shared > policy.CollapseSharedMax || swapped > SwappedPagesMax);
        return isRefused ? CollapseOutcome.Stop(Errno.EINVAL) : CollapseOutcome.Done;
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
