// 2 MiB of shared memory become one folio (mm/khugepaged.c: hpage_collapse_scan_file, collapse_file, collapse_pte_mapped_thp). The folio is
// made in the page cache, for all who map it: their entries and tables go, and faults map it by a block. Whoever asked with MADV_COLLAPSE
// has it mapped by one at once, unless a private copy is in the way.

using Engine.Arm64.HugePages;
using Engine.Arm64.PageTables;
using Engine.Arm64.PageWalk;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.PageCache;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <summary>Collapses shared memory into huge pages.</summary>
internal static class FileCollapse
{
    private const int PagesPerBlock = 1 << HugePageOptions.HugeOrder;

    /// <summary>Collapses an aligned 2 MiB of a VMA that maps shared memory as the file is aligned.</summary>
    public static CollapseOutcome Collapse(Process process, CpuId cpu, VmAreaRef area, VirtAddr start, bool isBackground)
    {
        VmArea vma = process.Memory.Areas[area];
        if (process.Machine.Files.TryGet(vma.File) is not { } file)
        {
            return CollapseOutcome.Stop(Errno.EINVAL);
        }

        HugePagePolicy policy = process.Machine.HugePages;
        FileCollapseResult result = file.Mapping.Collapse(
            cpu,
            vma.PageIndexOf(start),
            GfpFlags.TransHuge,
            isBackground ? policy.CollapseEmptyMax : PagesPerBlock,
            isBackground ? HugeCollapse.SwappedPagesMax : PagesPerBlock);
        Count(process.Machine, result);
        return result switch
        {
            FileCollapseResult.Done when isBackground => CollapseOutcome.Done,
            FileCollapseResult.AlreadyHuge when isBackground => FreeTable(process, cpu, area, file, start),
            FileCollapseResult.Done or FileCollapseResult.AlreadyHuge => Map(process, cpu, area, file, start, isInstalling: true),
            FileCollapseResult.Held => CollapseOutcome.GoOn(Errno.EAGAIN),
            FileCollapseResult.OutOfMemory => CollapseOutcome.Stop(Errno.ENOMEM),
            _ => CollapseOutcome.Stop(Errno.EINVAL),
        };
    }

    // Nothing is made: entries and table go, so that a fault finds room for a block.
    private static CollapseOutcome FreeTable(Process process, CpuId cpu, VmAreaRef area, OpenFile file, VirtAddr start)
    {
        _ = Map(process, cpu, area, file, start, isInstalling: false);
        return CollapseOutcome.GoOn(Errno.EINVAL);
    }

    // alloc_charge_folio counts before it is known whether there is anything to collapse.
    private static void Count(Machine machine, FileCollapseResult result)
    {
        if (result is FileCollapseResult.Done or FileCollapseResult.Empty or FileCollapseResult.InputError)
        {
            machine.HugePageCounters.Add(HugePageEvent.CollapseAllocation);
        }
        else if (result == FileCollapseResult.OutOfMemory)
        {
            machine.HugePageCounters.Add(HugePageEvent.CollapseAllocationFailed);
        }
    }

    // collapse_pte_mapped_thp: entries of the folio's pages and their table go; a block takes their place.
    private static CollapseOutcome Map(Process process, CpuId cpu, VmAreaRef area, OpenFile file, VirtAddr start, bool isInstalling)
    {
        Descriptor block = process.Tables.Read(start, out int level);
        if (level == PageTable.HugeLevel && block.IsPresent)
        {
            return CollapseOutcome.Done;
        }

        ref VmArea vma = ref process.Memory.Areas[area];
        if (!file.Mapping.TryFind(vma.PageIndexOf(start), out Pfn head))
        {
            return CollapseOutcome.GoOn(Errno.EINVAL);
        }

        if (level == PageTable.LastLevel)
        {
            CollapseOutcome judged = Judge(process, start, head);
            if (judged.Errno != Errno.None)
            {
                return judged;
            }

            FileZapVisitor zap = new(process.Machine.UserFrames, new MmuGather(process, cpu, stackalloc ulong[MmuGather.Capacity]), includesPrivateCopies: false, vma.Flags);
            process.Tables.Visit(start, HugeMaps.Bytes, ref zap);
            zap.Finish();
            process.FinishFlush();
            HugeMaps.FreeEmptyTable(process, cpu, start);
        }

        if (!isInstalling)
        {
            return CollapseOutcome.Done;
        }

        VmFault fault = new(process, cpu, start, isWrite: false, FaultOrigin.Populate, area, in vma) { File = file };
        return FileFault.TryMapBlock(ref fault, head, isWrite: false) ? CollapseOutcome.Done : CollapseOutcome.Stop(Errno.EINVAL);
    }

    private static CollapseOutcome Judge(Process process, VirtAddr start, Pfn head)
    {
        for (uint i = 0; i < PagesPerBlock; i++)
        {
            Descriptor entry = process.Tables.Read(start + ((ulong)i << Pfn.PageShift));
            if (!entry.IsNone && !entry.IsPresent)
            {
                return CollapseOutcome.GoOn(Errno.EINVAL); // SCAN_PTE_NON_PRESENT
            }

            if (entry.IsPresent && (entry.IsSpecial || entry.Pfn != head + i))
            {
                return CollapseOutcome.Stop(Errno.EINVAL); // SCAN_FAIL: a private copy
            }
        }

        return CollapseOutcome.Done;
    }
}
