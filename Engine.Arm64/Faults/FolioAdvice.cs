// madvise on large folios (mm/madvise.c: madvise_free_pte_range, madvise_free_huge_pmd, madvise_cold_or_pageout_pte_range).
// An advice concerns whole folios. One that the range covers in part is split first, if one process has it; otherwise the advice passes
// it over. Linux 6.9 splits every large folio that is mapped by pages, 6.10 and later only those covered in part.

using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <summary>Prepares a range for MADV_FREE, MADV_COLD and MADV_PAGEOUT.</summary>
internal static class FolioAdvice
{
    /// <summary>Splits the large folios of a range that have to be.</summary>
    /// <param name="process">Whose range.</param>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="file">What the VMA maps; null for anonymous memory.</param>
    /// <param name="start">First address.</param>
    /// <param name="end">First address after the range.</param>
    public static void Prepare(Process process, CpuId cpu, OpenFile? file, VirtAddr start, VirtAddr end)
    {
        if (!process.Tables.HasLargeLeaves && process.Machine.UserFrames.LargeCount == 0 && file is null)
        {
            return;
        }

        bool splitsMapped = process.Machine.Options.Release == KernelRelease.Linux69;
        for (VirtAddr at = start; at < end;)
        {
            Descriptor entry = process.Tables.Read(at, out int level);
            if (level == PageTable.HugeLevel && entry.IsPresent)
            {
                VirtAddr blockStart = HugeMaps.StartOf(at);
                bool isWhole = blockStart >= start && end - blockStart >= HugeMaps.Bytes;
                if (!isWhole && !entry.IsSpecial)
                {
                    Split(process, cpu, file, entry);
                }

                at = blockStart + HugeMaps.Bytes;
            }
            else if (level < PageTable.LastLevel)
            {
                at = HugeMaps.StartOf(at) + HugeMaps.Bytes; // nothing here
            }
            else
            {
                at += (ulong)PrepareFolio(process, cpu, file, at, end, entry, splitsMapped) << Pfn.PageShift;
            }
        }
    }

    /// <summary>Whether an entry that the preparation left is to be passed over: it maps a part of a large folio, or a block that the range does not cover.</summary>
    public static bool PassesOver(PageTable tables, UserFrames frames, VirtAddr address, Descriptor entry, VirtAddr start, VirtAddr end)
    {
        if (entry.IsBlock)
        {
            return entry.IsSpecial || address < start || end - address < HugeMaps.Bytes
                || (frames.TryGetLargeAnonymous(entry, out Pfn folio, out _) && frames.Large(folio).MayBeShared);
        }

        if (!frames.TryGetLargeAnonymous(entry, out Pfn head, out uint pageCount))
        {
            return false;
        }

        ulong before = (ulong)(entry.Pfn - head) << Pfn.PageShift;
        return address - start < before || end - address < ((ulong)pageCount << Pfn.PageShift) - before
            || (frames.Large(head).MayBeShared && !IsWhole(tables, new VirtAddr(address.ToUInt64() - before), head, pageCount));
    }

    // One that others map as well has not been split, and perhaps it is not all here.
    private static bool IsWhole(PageTable tables, VirtAddr start, Pfn head, uint pageCount)
    {
        for (uint i = 0; i < pageCount; i++)
        {
            Descriptor entry = tables.Read(start + ((ulong)i << Pfn.PageShift));
            if (!entry.IsPresent || entry.IsSpecial || entry.Pfn != head + i)
            {
                return false;
            }
        }

        return true;
    }

    // The pages from here that belong to one folio; 1 where there is none, or after a split.
    private static uint PrepareFolio(Process process, CpuId cpu, OpenFile? file, VirtAddr at, VirtAddr end, Descriptor entry, bool splitsMapped)
    {
        UserFrames frames = process.Machine.UserFrames;
        Pfn head = Pfn.None;
        uint pageCount = entry.IsPresent && !entry.IsSpecial ? frames.FolioPagesOf(entry.Pfn, out head) : 1;
        if (pageCount == 1)
        {
            return 1;
        }

        uint limit = (uint)Math.Min((end - at) >> Pfn.PageShift, pageCount - (entry.Pfn - head));
        uint batch = 1;
        while (batch < limit && process.Tables.Read(at + ((ulong)batch << Pfn.PageShift)) is { IsPresent: true } next && next.Pfn == entry.Pfn + batch)
        {
            batch++;
        }

        if (batch < pageCount || splitsMapped)
        {
            Split(process, cpu, file, entry);
        }

        return batch;
    }

    private static void Split(Process process, CpuId cpu, OpenFile? file, Descriptor entry)
    {
        UserFrames frames = process.Machine.UserFrames;
        if (file is not null && !frames.IsAnonymous(entry))
        {
            Pfn folio = frames.HeadOf(entry.Pfn);
            if (!process.Machine.FileReverseMap.IsMappedByOthers(file.Mapping, folio, process))
            {
                file.Mapping.TrySplit(cpu, folio);
            }
        }
        else if (frames.TryGetLargeAnonymous(entry, out Pfn head, out _) && !frames.Large(head).MayBeShared)
        {
            process.Machine.FolioSplitter.TrySplit(cpu, head);
        }
    }
}
