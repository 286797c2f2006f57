// What system calls do to pages. MemoryMap decides which VMAs there are and calls here once per VMA; here are the page
// tables, the frames behind them, and the TLBs.

using System.Runtime.CompilerServices;
using Engine.Arm64.Kernel.Pins;
using Engine.Arm64.PageWalk;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.PageCache;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <summary>The pages of one process, for its <see cref="MemoryMap"/>.</summary>
internal sealed class ProcessPages : IAddressSpacePages
{
    // A zero page that is to be written takes two faults; more come only from an arena that somebody corrupts.
    private const int FaultRoundsMax = 4;

    private const string SharedAnonymousName = "/dev/zero (deleted)";

    private Process process;

    public ProcessPages(Process process) => this.process = process;

    private Machine Machine => process.Machine;

    /// <summary>The process left its address space to another that shares it.</summary>
    public void HandTo(Process heir) => process = heir;

    public void BeginUnmap(CpuId cpu) => Machine.Pages.Lru.Drain(cpu);

    [SkipLocalsInit]
    public void UnmapPages(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end)
    {
        using FrameSharers.Turn turn = FrameSharers.Begin(process.Space.Sharers, cpu);
        process.NoteResidentPeak();
        VmFlags flags = process.Memory.Areas[area].Flags;
        HugeMaps.SplitEdges(process, cpu, start, end);
        process.Tables.UnfoldPartial(start, end - start);
        ZapVisitor zap = new(Machine.UserFrames, new MmuGather(process, cpu, stackalloc ulong[MmuGather.Capacity]), flags);
        process.Tables.Visit(start, end - start, ref zap);
        zap.Finish();
        process.FinishFlush();
    }

    public void FreePageTables(CpuId cpu, VirtAddr start, VirtAddr end, VirtAddr floor, VirtAddr ceiling)
    {
        int freed = process.Tables.FreeTables(cpu, start, end - start, floor, ceiling.Value == 0 ? null : ceiling);
        if (freed > 0)
        {
            // The walk caches held pointers to the freed tables.
            process.FlushFreedTables(start, end);
        }
    }

    public void ProtectPages(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end, VmFlags oldFlags)
    {
        ref VmArea vma = ref process.Memory.Areas[area];
        HugeMaps.SplitEdges(process, cpu, start, end);
        ProtectVisitor protect = new(
            Machine.UserFrames,
            process.Tables,
            VmProtection.AttributesOf(vma.Flags, IsWriteNotified(vma)),
            mayWrite: (vma.Flags & VmFlags.Write) != 0,
            isShared: (vma.Flags & VmFlags.Shared) != 0,
            keepsClean: Machine.Options.Release != KernelRelease.Linux69,
            batchLimit: Machine.Options.Release != KernelRelease.Linux69 && (!vma.IsAnonymous || Machine.UserFrames.LargeCount > 0) ? end : default);
        process.Tables.Visit(start, end - start, ref protect);
        if (protect.Changed > 0)
        {
            process.FlushRange(protect.FirstChanged, protect.EndChanged);
        }
    }

    public ulong MovePages(CpuId cpu, VmAreaRef from, VirtAddr oldStart, VmAreaRef to, VirtAddr newStart, ulong lengthBytes)
    {
        if (lengthBytes == 0)
        {
            return 0; // shared memory that is mapped once more
        }

        HugeMaps.SplitUnmovable(process, cpu, oldStart, newStart, lengthBytes);
        ulong moved = process.Tables.Move(cpu, oldStart, newStart, lengthBytes);
        process.FlushTables(oldStart, oldStart + lengthBytes);
        return moved;
    }

    public Errno AdvisePages(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end, MemoryAdvice advice)
    {
        ref VmArea vma = ref process.Memory.Areas[area];
        OpenFile? file = vma.IsAnonymous ? null : Machine.Files.TryGet(vma.File);
        Machine.Pages.Lru.Drain(cpu);
        switch (advice)
        {
            case MemoryAdvice.PageOut:
                FolioAdvice.Prepare(process, cpu, file, start, end);
                PageOut.Run(process, cpu, start, end);
                return Errno.None;
            case MemoryAdvice.WillNeed when file is null:
                WillNeedVisitor swapIn = new(Machine, cpu);
                process.Tables.Visit(start, end - start, ref swapIn);
                Machine.Pages.Lru.Drain(cpu);
                return Errno.None;
            case MemoryAdvice.WillNeed when file!.Mapping.IsShmem:
                SwapReadahead.ReadShared(Machine, cpu, file.Mapping, vma.PageIndexOf(start), vma.PageIndexOf(end) - 1);
                return Errno.None;
            case MemoryAdvice.DontNeed or MemoryAdvice.DontNeedLocked:
                UnmapPages(cpu, area, start, end);
                FreeEmptyTables(cpu, start, end);
                return Errno.None;
            case MemoryAdvice.Free:
                FolioAdvice.Prepare(process, cpu, file, start, end);
                FreeVisitor free = new(Machine.UserFrames, process, cpu, start, end);
                process.Tables.Visit(start, end - start, ref free);
                FlushIf(free.Changed > 0, start, end);
                return Errno.None;
            case MemoryAdvice.Cold:
                FolioAdvice.Prepare(process, cpu, file, start, end);
                ColdVisitor cold = new(process.Tables, Machine.UserFrames, start, end);
                process.Tables.Visit(start, end - start, ref cold);
                FlushIf(cold.Changed > 0, start, end);
                return Errno.None;
            case MemoryAdvice.Collapse:
                return HugeCollapse.CollapseRange(process, cpu, area, start, end);
            case MemoryAdvice.Remove when file is not null:
                FileIoResult result = file.Mapping.PunchHole(cpu, vma.PageIndexOf(start) << Pfn.PageShift, end - start);
                return result == FileIoResult.Done ? Errno.None : Errno.EIO;
            case MemoryAdvice.WillNeed when file is not null:
                file.Mapping.Advise(cpu, ref file.Readahead, FileAdvice.WillNeed, vma.PageIndexOf(start) << Pfn.PageShift, end - start);
                return Errno.None;
            default:
                return Errno.None;
        }
    }

    public Errno PopulatePages(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end, PopulateKind kind)
    {
        uint file = process.Memory.Areas[area].File;
        Errno errno = PopulateEach(cpu, area, start, end, kind);
        Machine.Files.TryGet(file)?.Mapping.CompleteInput();
        return errno;
    }

    private Errno PopulateEach(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end, PopulateKind kind)
    {
        VmFlags flags = process.Memory.Areas[area].Flags;
        bool isWrite = kind switch
        {
            PopulateKind.Write => true,
            PopulateKind.Read => false,
            _ => (flags & (VmFlags.Write | VmFlags.Shared)) == VmFlags.Write,
        };
        FaultOrigin origin = kind switch
        {
            PopulateKind.Touch => FaultOrigin.Populate,
            PopulateKind.TouchInPlace => FaultOrigin.PopulateInPlace,
            _ => FaultOrigin.PopulateAdvice,
        };
        for (VirtAddr address = start; address < end; address += Pfn.PageSizeBytes)
        {
            for (int rounds = 0; !IsMapped(address, isWrite); rounds++)
            {
                FaultResult result = FaultHandler.Populate(Machine.ActorOn(cpu, process), cpu, address, isWrite, origin);
                if (result > FaultResult.Major || rounds > FaultRoundsMax)
                {
                    return result == FaultResult.OutOfMemory ? Errno.ENOMEM : Errno.EFAULT;
                }
            }

            Descriptor entry = process.Tables.Read(address, out int level);
            if (level == PageTables.PageTable.LastLevel)
            {
                Machine.UserFrames.NotePopulated(cpu, entry, isWrite);
            }
            else if (entry.IsPresent && !entry.IsSpecial)
            {
                HugeMaps.Touch(process, address, entry, isWrite);
            }
        }

        return Errno.None;
    }

    public void LockPages(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end)
    {
        Machine.Pages.Lru.Drain(cpu);
        LockVisitor visitor = new(process.Tables, Machine.UserFrames, cpu, (process.Memory.Areas[area].Flags & VmFlags.Locked) != 0, start, end);
        process.Tables.Visit(start, end - start, ref visitor);
        Machine.Pages.Lru.Drain(cpu);
    }

    public Errno SyncPages(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end)
    {
        ref VmArea vma = ref process.Memory.Areas[area];
        if (Machine.Files.TryGet(vma.File) is not { } file)
        {
            return Errno.None;
        }

        FileIoResult result = file.Mapping.Sync(cpu, vma.PageIndexOf(start), vma.PageIndexOf(end) - 1);
        return result == FileIoResult.Done ? Errno.None : Errno.EIO;
    }

    public void QueryResidentPages(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end, Span<byte> isResident)
    {
        ref VmArea vma = ref process.Memory.Areas[area];
        OpenFile? file = vma.IsAnonymous ? null : Machine.Files.TryGet(vma.File);
        int index = 0;
        for (VirtAddr address = start; address < end; address += Pfn.PageSizeBytes)
        {
            Descriptor entry = process.Tables.Read(address);
            bool isThere = entry.IsPresent || (entry.IsSwap && Machine.UserFrames.IsSwapCached(entry)) || (!entry.IsSwap && file is not null && file.Mapping.IsCached(vma.PageIndexOf(address)));
            isResident[index++] = isThere ? (byte)1 : (byte)0;
        }
    }

    public bool CopyPages(CpuId cpu, VmAreaRef from, MemoryMap child, VmAreaRef to)
    {
        ref VmArea vma = ref process.Memory.Areas[from];
        if (vma.AnonVma.IsNone)
        {
            // Nothing here but pages of files and the zero page: the child finds them by faults of its own (vma_needs_copy).
            return true;
        }

        Process childProcess = ((ProcessPages)child.Pages).process;
        process.Tables.UnfoldPartial(vma.Start, vma.LengthBytes);
        ForkVisitor fork = new(Machine.UserFrames, process, childProcess, to, cpu, (vma.Flags & VmFlags.Shared) != 0);
        bool isCopied = PinnedFork.TrySplitBlocks(cpu, process, vma)
            && childProcess.Tables.TryPrepareLike(cpu, process.Tables, vma.Start, vma.LengthBytes)
            && process.Tables.Visit(vma.Start, vma.LengthBytes, ref fork);
        fork.Finish();
        return isCopied;
    }

    public Errno CreateSharedAnonymous(CpuId cpu, ulong pageCount, VmFlags flags, out uint file)
    {
        OpenFile? created = Machine.Files.TryOpen(cpu, SharedAnonymousName, new ShmemBacking(pageCount << Pfn.PageShift));
        file = created?.Id ?? VmArea.NoFile;
        return created is null ? Errno.ENOMEM : Errno.None;
    }

    public bool IsSharedAnonymous(uint file) => Machine.Files.TryGet(file) is { Name: SharedAnonymousName };

    public MappedFileModes ModesOf(uint file) => Machine.Files.TryGet(file)?.Modes ?? MappedFileModes.None;

    public ulong SharedAlignmentOf(uint file)
    {
        bool isNew = file == VmArea.NoFile;
        return isNew || Machine.Files.TryGet(file) is { Mapping.IsShmem: true } ? Machine.HugePages.Shmem.AlignmentBytes(isNew) : 0;
    }

    public void SplitHugePage(CpuId cpu, VirtAddr address) => HugeMaps.SplitAcross(process, cpu, address);

    public void LinkFile(CpuId cpu, VmAreaRef area) => Machine.FileReverseMap.Link(process.Memory.Areas, area);

    public void UnlinkFile(CpuId cpu, VmAreaRef area)
    {
        if (Machine.FileReverseMap.Unlink(process.Memory.Areas, area) is { Name: SharedAnonymousName } unused)
        {
            Machine.Files.Close(cpu, unused);
        }
    }

    /// <summary>Takes a killed process's private memory before it can exit (<c>__oom_reap_task_mm</c>).</summary>
    public static void Reap(Process victim, CpuId cpu)
    {
        VmAreaTree areas = victim.Memory.Areas;
        ProcessPages pages = (ProcessPages)victim.Memory.Pages;
        pages.BeginUnmap(cpu);
        for (VmAreaRef area = areas.First; !area.IsNone; area = areas.NextOf(area))
        {
            VmArea content = areas[area];
            if ((content.Flags & (VmFlags.Locked | VmFlags.PfnMap)) == 0 && (content.IsAnonymous || (content.Flags & VmFlags.Shared) == 0))
            {
                pages.UnmapPages(cpu, area, content.Start, content.End);
            }
        }
    }

    // Since Linux 6.14 MADV_DONTNEED frees the last-level tables that it has emptied (reclaim_pt_is_enabled, mm/pt_reclaim.c).
    private void FreeEmptyTables(CpuId cpu, VirtAddr start, VirtAddr end)
    {
        if (Machine.Options.Release == KernelRelease.Linux69 || end - start < HugeMaps.Bytes)
        {
            return;
        }

        for (VirtAddr at = HugeMaps.StartOf(start + (HugeMaps.Bytes - 1)); end - at >= HugeMaps.Bytes && at < end; at += HugeMaps.Bytes)
        {
            HugeMaps.FreeEmptyTable(process, cpu, at);
        }
    }

    private void FlushIf(bool isChanged, VirtAddr start, VirtAddr end)
    {
        if (isChanged)
        {
            process.FlushRange(start, end);
        }
    }

    private bool IsMapped(VirtAddr address, bool isWrite)
    {
        Descriptor entry = process.Tables.Read(address);
        return entry.IsPresent && (!isWrite || entry.IsWritable);
    }

    private bool IsWriteNotified(in VmArea vma) =>
        !vma.IsAnonymous && Machine.Files.TryGet(vma.File) is { } file && !file.Mapping.IsShmem;
}
