using Engine.Arm64.PageTables;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.PageCache;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <summary>The first touch of a page of a file mapping (<c>do_fault</c>, mm/memory.c).</summary>
internal static partial class FileFault
{
    /// <summary>Pages that a read fault maps around itself where they are cached: 64 KiB (<c>fault_around_bytes</c>).</summary>
    private const int FaultAroundPages = 16;

    private const int PagesPerTable = 512;

    private const ulong PageTableSpanBytes = PagesPerTable * (ulong)Pfn.PageSizeBytes;

    public static FaultResult Handle(ref VmFault fault)
    {
        OpenFile file = fault.File!;
        if (!fault.IsWrite)
        {
            return Read(ref fault, file);
        }

        return (fault.Area.Flags & VmFlags.Shared) != 0 ? WriteShared(ref fault, file) : WritePrivate(ref fault, file);
    }

    private static FaultResult Read(ref VmFault fault, OpenFile file)
    {
        if (!TryPrepareUpper(ref fault))
        {
            return FaultResult.OutOfMemory;
        }

        if (TryMapAround(ref fault, file))
        {
            return FaultResult.Minor;
        }

        // A fault that had to read waits for the page and is taken again: what came in with it is mapped as well.
        FileFaultResult found = FindInCache(ref fault, file, out Pfn page);
        FaultResult result = ToFaultResult(found, file, fault.Origin);
        bool isRepeated = found is FileFaultResult.Major or FileFaultResult.MinorReadahead && fault.Origin != FaultOrigin.PopulateInPlace;
        bool isMapped = result <= FaultResult.Major && isRepeated && TryMapAround(ref fault, file);
        EndInput(in fault, file);
        if (result > FaultResult.Major || isMapped)
        {
            return result;
        }

        MapCached(ref fault, file, fault.Address, page, isWrite: false);
        fault.Process.Faults.CountCause(FaultCause.File);
        return result;
    }

    private static FaultResult WriteShared(ref VmFault fault, OpenFile file)
    {
        if (!TryPrepareUpper(ref fault))
        {
            return FaultResult.OutOfMemory;
        }

        FaultResult result = Find(ref fault, file, out Pfn page);
        if (result is FaultResult.Minor or FaultResult.Major)
        {
            file.Mapping.SetDirty(fault.Area.PageIndexOf(fault.Address));
            MapCached(ref fault, file, fault.Address, page, isWrite: true);
            fault.Process.Faults.CountCause(FaultCause.FileShared);
        }

        return result;
    }

    // The frame for the copy is taken first, as Linux does: where there is none, no page is read in vain.
    private static FaultResult WritePrivate(ref VmFault fault, OpenFile file)
    {
        UserFrames frames = fault.Frames;
        Pfn copy = Pfn.None;
        if (!fault.Process.Memory.PrepareAnonVma(fault.Cpu, fault.AreaRef)
            || !TryPrepareUpper(ref fault)
            || !frames.TryAllocate(fault.Cpu, GfpFlags.None, out copy))
        {
            return FaultResult.OutOfMemory;
        }

        FaultResult result = Find(ref fault, file, out Pfn page);
        if (result is not (FaultResult.Minor or FaultResult.Major) || !frames.TryCopy(page, copy))
        {
            frames.Put(fault.Cpu, copy);
            return result > FaultResult.Major ? result : FaultResult.BusAdrErr;
        }

        frames.AddNewAnonymous(fault.Cpu, copy, fault.Process.Memory.Areas[fault.AreaRef], fault.Address);
        fault.Process.Memory.State.AnonPages++;
        fault.Tables.TryMap(fault.Cpu, fault.Address, fault.MakeWritableIfAllowed(Descriptor.ForPage(copy, fault.Protection).MakeDirty()));
        fault.Process.Faults.CountCause(FaultCause.FileCow);
        return result;
    }

    private static FaultResult Find(ref VmFault fault, OpenFile file, out Pfn page)
    {
        FaultResult result = ToFaultResult(FindInCache(ref fault, file, out page), file, fault.Origin);
        EndInput(in fault, file);
        return result;
    }

    private static FileFaultWaiting WaitingOf(FaultOrigin origin) => origin switch
    {
        FaultOrigin.PopulateInPlace => FileFaultWaiting.InPlace,
        FaultOrigin.Populate or FaultOrigin.PopulateAdvice => FileFaultWaiting.RetryInSeries,
        _ => FileFaultWaiting.Retry,
    };

    private static void EndInput(in VmFault fault, OpenFile file)
    {
        if (WaitingOf(fault.Origin) != FileFaultWaiting.RetryInSeries)
        {
            file.Mapping.CompleteInput();
        }
    }

    private static FileFaultResult FindInCache(ref VmFault fault, OpenFile file, out Pfn page)
    {
        MmapAdvice advice = MmapAdvice.Normal;
        advice |= (fault.Area.Flags & VmFlags.SequentialRead) != 0 ? MmapAdvice.Sequential : 0;
        advice |= (fault.Area.Flags & VmFlags.RandomRead) != 0 ? MmapAdvice.Random : 0;
        advice |= (fault.Area.Flags & VmFlags.Exec) != 0 ? MmapAdvice.Executable : 0;
        advice |= (fault.Area.Flags & VmFlags.HugePage) != 0 ? MmapAdvice.HugePage : 0;
        ulong index = fault.Area.PageIndexOf(fault.Address);
        FileFaultRequest request = new(
            index,
            advice,
            fault.Area.PageIndexOf(fault.Area.Start),
            fault.Area.PageIndexOf(fault.Area.End),
            WaitingOf(fault.Origin),
            file.Mapping.IsShmem ? SharedFolioOrders(in fault, file, index) : 0,
            fault.Process.Machine.HugePages.GfpFor(fault.Area.Flags));
        FileFaultResult result = file.Mapping.Fault(fault.Cpu, ref file.Readahead, in request, out page);
        if (result == FileFaultResult.Major && fault.Origin == FaultOrigin.Populate)
        {
            // __mm_populate starts over instead of retrying, so the page is found like any other and a readahead mark on it is used up.
            file.Mapping.Fault(fault.Cpu, ref file.Readahead, in request, out page);
        }

        return result;
    }

    // Populating starts over where a fault waited for a file, and finds the page then; swap space is read within the fault.
    private static FaultResult ToFaultResult(FileFaultResult result, OpenFile file, FaultOrigin origin) => result switch
    {
        FileFaultResult.Minor => FaultResult.Minor,
        FileFaultResult.MinorReadahead => origin == FaultOrigin.PopulateAdvice ? FaultResult.Major : FaultResult.Minor,
        FileFaultResult.Major => origin == FaultOrigin.Populate && !file.Mapping.IsShmem ? FaultResult.Minor : FaultResult.Major,
        FileFaultResult.OutOfMemory => FaultResult.OutOfMemory,
        _ => FaultResult.BusAdrErr,
    };

    // do_fault_around: what is cached in the aligned window, within the VMA and one last-level table. True where the fault is resolved by it.
    private static bool TryMapAround(ref VmFault fault, OpenFile file)
    {
        const ulong windowBytes = FaultAroundPages * Pfn.PageSizeBytes;
        ulong address = fault.Address.Value;
        ulong areaStart = fault.Area.Start.Value;
        ulong tableStart = Math.Max(address & ~(PageTableSpanBytes - 1), areaStart);
        ulong tableEnd = Math.Min((address & ~(PageTableSpanBytes - 1)) + PageTableSpanBytes, fault.Area.End.Value);
        ulong start = Math.Max(address & ~(windowBytes - 1), areaStart);
        ulong end = Math.Min(start + windowBytes, tableEnd);
        ulong first = fault.Area.PageIndexOf(new VirtAddr(tableStart));
        fault.Tables.Read(fault.Address, out int level);
        FaultAroundWindow window = new(
            first + ((start - tableStart) >> Pfn.PageShift),
            first + ((end - tableStart) >> Pfn.PageShift) - 1,
            first,
            first + ((tableEnd - tableStart) >> Pfn.PageShift) - 1,
            HasTable: level == PageTable.LastLevel);
        Span<Pfn> pages = stackalloc Pfn[PagesPerTable];
        FaultAroundResult around = file.Mapping.MapAround(ref file.Readahead, in window, pages);
        if (around.HugeFolio != Pfn.None)
        {
            if (TryMapBlock(ref fault, around.HugeFolio, isWrite: false))
            {
                fault.Process.Faults.CountCause(FaultCause.File);
                return true;
            }

            around = file.Mapping.MapAround(ref file.Readahead, window with { HasTable = true }, pages);
        }

        int offset = (int)(around.First - first);
        for (int i = offset; i < offset + around.Count;)
        {
            VirtAddr place = new(tableStart + ((ulong)i << Pfn.PageShift));
            int count = CountMappable(in fault, place, pages[i..(offset + around.Count)]);
            if (count > 0)
            {
                MapRange(ref fault, place, pages[i], count, fault.Protection);
            }

            i += Math.Max(count, 1);
        }

        if (fault.Tables.Read(fault.Address).IsNone)
        {
            return false;
        }

        fault.Process.Faults.CountCause(FaultCause.File);
        return true;
    }

    // Consecutive pages of one folio that nothing maps yet (filemap_map_folio_range).
    private static int CountMappable(in VmFault fault, VirtAddr place, ReadOnlySpan<Pfn> pages)
    {
        if (pages[0] == Pfn.None)
        {
            return 0;
        }

        int limit = (int)Math.Min((uint)pages.Length, fault.Frames.CountToFolioEnd(pages[0]));
        int count = 0;
        while (count < limit && pages[count] == pages[0] + (uint)count
            && fault.Tables.Read(place + ((ulong)(uint)count << Pfn.PageShift)).IsNone)
        {
            count++;
        }

        return count;
    }

    // set_pte_range: whole aligned runs of the folio become contiguous.
    private static void MapRange(ref VmFault fault, VirtAddr place, Pfn page, int count, PageAttributes attributes)
    {
        // A large folio counts as locked where all of it lies in the VMA (Linux 6.18), never before.
        bool isSmall = fault.Frames.FolioPagesOf(page, out Pfn head) == 1;
        for (uint i = 0; i < (uint)count; i++)
        {
            fault.Frames.AddFileMapping(fault.Cpu, page + i, isSmall ? fault.Area.Flags : VmFlags.None);
            fault.Frames.CountFile(fault.Process, page + i);
        }

        if (!isSmall && fault.Process.Machine.Options.Release != KernelRelease.Linux69 && (uint)count == fault.Frames.FolioPagesOf(head, out _))
        {
            fault.Frames.LockFolio(fault.Cpu, head, fault.Area.Flags);
        }

        fault.Tables.SetPages(fault.Cpu, place, page, attributes, count);
    }

    // The last-level table is made when there is a page to map (finish_fault), so a fault that ends in a signal leaves none.
    private static bool TryPrepareUpper(ref VmFault fault) => fault.Tables.TryPrepareUpper(fault.Cpu, fault.Address, PageTable.LastLevel - 1);

    private static void MapCached(ref VmFault fault, OpenFile file, VirtAddr address, Pfn page, bool isWrite)
    {
        if (TryMapLarge(ref fault, file, page, isWrite))
        {
            return;
        }

        Descriptor entry = Descriptor.ForPage(page, fault.Protection);
        entry = isWrite ? entry.MakeDirty().MakeWritable() : entry;
        fault.Frames.AddFileMapping(fault.Cpu, page, fault.Area.Flags);
        fault.Frames.CountFile(fault.Process, page);
        fault.Tables.TrySetPage(fault.Cpu, address, entry);
    }
}
