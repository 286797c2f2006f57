// From a page of a file to every page-table entry that maps it (mm/rmap.c rmap_walk_file, mm/memory.c unmap_mapping_range):
// the VMAs of a file are chained through VmArea.FileNext, and a VMA's page offset gives the address.

using Engine.Arm64.Faults;
using Engine.Arm64.PageWalk;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Diagnostics;
using Engine.Core.PageCache;
using Engine.Core.Units;

namespace Engine.Arm64.Rmap;

/// <summary>Reaches the page tables for the page cache.</summary>
internal sealed class FileReverseMap : IFileReverseMap
{
    private readonly Machine machine;

    public FileReverseMap(Machine machine) => this.machine = machine;

    public void UnmapRange(CpuId cpu, FileMapping mapping, ulong firstPage, ulong pageCount, bool includePrivateCopies)
    {
        foreach (OpenFile file in machine.Files.OpeningsOf(mapping))
        {
            ForEachArea(file, (process, area) =>
            {
                if (TryIntersect(area, firstPage, pageCount, out VirtAddr start, out ulong lengthBytes))
                {
                    process.NoteResidentPeak();
                    HugeMaps.SplitEdges(process, cpu, start, start + lengthBytes);
                    process.Tables.UnfoldPartial(start, lengthBytes);
                    FileZapVisitor zap = new(machine.UserFrames, new MmuGather(process, cpu, stackalloc ulong[MmuGather.Capacity]), includePrivateCopies, area.Flags);
                    process.Tables.Visit(start, lengthBytes, ref zap);
                    zap.Finish();
                    process.FinishFlush();
                }

                return true;
            });
        }
    }

    /// <summary>Whether a process beside one maps a page of a folio (<c>folio_maybe_mapped_shared</c>).</summary>
    public bool IsMappedByOthers(FileMapping mapping, Pfn head, Process user)
    {
        ulong first = machine.Pages.Frames[head].Index;
        uint count = 1u << machine.PageCache.OrderOf(head);
        bool isShared = false;
        foreach (OpenFile file in machine.Files.OpeningsOf(mapping))
        {
            ForEachArea(file, (process, area) =>
            {
                if (process != user && TryIntersect(area, first, count, out VirtAddr start, out ulong lengthBytes))
                {
                    for (VirtAddr at = start; !isShared && at < start + lengthBytes; at += Pfn.PageSizeBytes)
                    {
                        Descriptor entry = process.Tables.Read(at);
                        isShared = entry.IsPresent && !entry.IsSpecial && unchecked(entry.Pfn - head) < count;
                    }
                }

                return !isShared;
            });
        }

        return isShared;
    }

    public void RetractTables(CpuId cpu, FileMapping mapping, ulong firstPage)
    {
        foreach (OpenFile file in machine.Files.OpeningsOf(mapping))
        {
            ForEachArea(file, (process, area) =>
            {
                bool isWhole = TryIntersect(area, firstPage, Order.PageBlock.PageCount, out VirtAddr start, out ulong lengthBytes) && lengthBytes == HugeMaps.Bytes;
                if (isWhole && area.AnonVma.IsNone && HugeMaps.StartOf(start) == start)
                {
                    HugeMaps.FreeEmptyTable(process, cpu, start);
                }

                return true;
            });
        }
    }

    public bool CleanFolio(CpuId cpu, FileMapping mapping, Pfn folio)
    {
        ulong first = machine.Pages.Frames[folio].Index;
        ulong count = 1UL << machine.PageCache.OrderOf(folio);
        bool isDirty = false;
        foreach (OpenFile file in machine.Files.OpeningsOf(mapping))
        {
            ForEachArea(file, (process, area) =>
            {
                if ((area.Flags & VmFlags.Shared) != 0 && TryIntersect(area, first, count, out VirtAddr start, out ulong lengthBytes))
                {
                    CleanVisitor clean = new(process.Tables);
                    process.Tables.Visit(start, lengthBytes, ref clean);
                    isDirty |= clean.Cleaned > 0;
                    if (clean.Cleaned > 0)
                    {
                        process.FlushRange(start, start + lengthBytes);
                    }
                }

                return true;
            });
        }

        return isDirty;
    }

    /// <summary>Chains a VMA to its file.</summary>
    public void Link(VmAreaTree areas, VmAreaRef area)
    {
        ref VmArea content = ref areas[area];
        if (machine.Files.TryGet(content.File) is not { } file)
        {
            return;
        }

        content.FilePrevious = VmAreaRef.None;
        content.FileNext = file.FirstArea;
        if (!file.FirstArea.IsNone)
        {
            areas[file.FirstArea].FilePrevious = area;
        }

        file.FirstArea = area;
    }

    /// <summary>Takes a VMA out of its file's chain.</summary>
    /// <returns>The file, where this was its last VMA.</returns>
    public OpenFile? Unlink(VmAreaTree areas, VmAreaRef area)
    {
        ref VmArea content = ref areas[area];
        if (machine.Files.TryGet(content.File) is not { } file)
        {
            return null;
        }

        if (content.FilePrevious.IsNone)
        {
            file.FirstArea = content.FileNext;
        }
        else
        {
            areas[content.FilePrevious].FileNext = content.FileNext;
        }

        if (!content.FileNext.IsNone)
        {
            areas[content.FileNext].FilePrevious = content.FilePrevious;
        }

        return file.FirstArea.IsNone ? file : null;
    }

    private static bool TryIntersect(in VmArea area, ulong firstPage, ulong pageCount, out VirtAddr start, out ulong lengthBytes)
    {
        ulong areaEnd = unchecked(area.PageOffset + area.PageCount);
        ulong end = pageCount > ulong.MaxValue - firstPage ? ulong.MaxValue : firstPage + pageCount;
        ulong first = Math.Max(firstPage, area.PageOffset);
        ulong last = Math.Min(end, areaEnd);
        start = area.Start + (unchecked(first - area.PageOffset) << Pfn.PageShift);
        lengthBytes = first < last ? (last - first) << Pfn.PageShift : 0;
        return first < last;
    }

    // A chain in the arena may be garbage: it is walked for no more links than there can be VMAs in memory.
    internal void ForEachArea(OpenFile file, Func<Process, VmArea, bool> action)
    {
        ulong bound = machine.Memory.LengthBytes / VmArea.SizeBytes;
        VmAreaRef link = file.FirstArea;
        for (; !link.IsNone && bound > 0; bound--)
        {
            if (!machine.Memory.TryRead(link.Address, out VmArea area) || area.File != file.Id || !machine.TryFindProcess(area.Owner, out Process? process))
            {
                machine.Log.Report(new Corruption(CorruptionCategory.VmAreaTree, "VMA in a file's chain", link.Address, file.Id, area.File));
                return;
            }

            if (!action(process, area))
            {
                return;
            }

            link = area.FileNext;
        }
    }
}
