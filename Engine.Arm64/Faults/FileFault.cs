using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.PageCache;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <summary>The first touch of a page of a file mapping (<c>do_fault</c>, mm/memory.c).</summary>
internal static class FileFault
{
    /// <summary>Pages that a read fault maps around itself where they are cached: 64 KiB (<c>fault_around_bytes</c>).</summary>
    private const int FaultAroundPages = 16;

    private const ulong PageTableSpanBytes = 512 * Pfn.PageSizeBytes;

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
        if (!fault.Tables.TryPrepare(fault.Cpu, fault.Address))
        {
            return FaultResult.OutOfMemory;
        }

        MapAround(ref fault, file);
        if (!fault.Tables.Read(fault.Address).IsNone)
        {
            fault.Process.Faults.CountCause(FaultCause.File);
            return FaultResult.Minor;
        }

        FaultResult result = Find(ref fault, file, out Pfn page);
        if (result is FaultResult.Minor or FaultResult.Major)
        {
            MapCached(ref fault, file, fault.Address, page, isWrite: false);
            fault.Process.Faults.CountCause(FaultCause.File);
        }

        return result;
    }

    private static FaultResult WriteShared(ref VmFault fault, OpenFile file)
    {
        if (!fault.Tables.TryPrepare(fault.Cpu, fault.Address))
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
            || !fault.Tables.TryPrepare(fault.Cpu, fault.Address)
            || !frames.TryAllocate(fault.Cpu, GfpFlags.None, out copy))
        {
            return FaultResult.OutOfMemory;
        }

        FaultResult result = Find(ref fault, file, out Pfn page);
        if (result is not (FaultResult.Minor or FaultResult.Major))
        {
            frames.Put(fault.Cpu, copy);
            return result;
        }

        frames.Copy(page, copy);
        frames.AddNewAnonymous(copy, fault.Process.Memory.Areas[fault.AreaRef], fault.Address);
        fault.Process.Memory.State.AnonPages++;
        fault.Tables.TryMap(fault.Cpu, fault.Address, Descriptor.ForPage(copy, fault.Protection).MakeDirty().MakeWritable());
        fault.Process.Faults.CountCause(FaultCause.FileCow);
        return result;
    }

    private static FaultResult Find(ref VmFault fault, OpenFile file, out Pfn page)
    {
        MmapAdvice advice = MmapAdvice.Normal;
        advice |= (fault.Area.Flags & VmFlags.SequentialRead) != 0 ? MmapAdvice.Sequential : 0;
        advice |= (fault.Area.Flags & VmFlags.RandomRead) != 0 ? MmapAdvice.Random : 0;
        advice |= (fault.Area.Flags & VmFlags.Exec) != 0 ? MmapAdvice.Executable : 0;
        FileFaultResult result = file.Mapping.Fault(
            fault.Cpu, ref file.Readahead, fault.Area.PageIndexOf(fault.Address), advice, out page);
        return result switch
        {
            FileFaultResult.Minor or FileFaultResult.MinorReadahead => FaultResult.Minor,
            FileFaultResult.Major => FaultResult.Major,
            FileFaultResult.OutOfMemory => FaultResult.OutOfMemory,
            _ => FaultResult.BusAdrErr,
        };
    }

    // do_fault_around: what is cached in the aligned window, within the VMA and one last-level table.
    private static void MapAround(ref VmFault fault, OpenFile file)
    {
        const ulong WindowBytes = FaultAroundPages * Pfn.PageSizeBytes;
        VirtAddr window = new(fault.Address.Value & ~(WindowBytes - 1));
        VirtAddr start = window > fault.Area.Start ? window : fault.Area.Start;
        ulong tableEnd = (fault.Address.Value & ~(PageTableSpanBytes - 1)) + PageTableSpanBytes;
        ulong end = Math.Min(Math.Min(start.Value + WindowBytes, tableEnd), fault.Area.End.Value);
        for (VirtAddr address = start; address.Value < end; address += Pfn.PageSizeBytes)
        {
            if (file.Mapping.TryFind(fault.Area.PageIndexOf(address), out Pfn page) && fault.Tables.Read(address).IsNone)
            {
                MapCached(ref fault, file, address, page, isWrite: false);
            }
        }
    }

    private static void MapCached(ref VmFault fault, OpenFile file, VirtAddr address, Pfn page, bool isWrite)
    {
        Descriptor entry = Descriptor.ForPage(page, fault.Protection);
        entry = isWrite ? entry.MakeDirty().MakeWritable() : entry;
        fault.Frames.AddFileMapping(page);
        fault.Frames.CountFile(fault.Process, page);
        fault.Tables.TryMap(fault.Cpu, address, entry);
    }
}
