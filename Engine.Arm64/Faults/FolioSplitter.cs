// A large anonymous folio becomes single pages (split_huge_page_to_list_to_order, mm/huge_memory.c). Nobody but page tables may hold
// it. Linux replaces all entries by migration entries, splits, and puts the entries back; what is seen afterwards is the same
// entries without blocks and contiguous runs, so only those are dissolved here. A page that nothing maps is freed: this is
// how the memory of folios that are mapped in part comes back.

using Engine.Arm64.HugePages;
using Engine.Arm64.PageTables;
using Engine.Arm64.Processes;
using Engine.Arm64.Rmap;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Buddy;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <summary>Splits anonymous folios, and their maps.</summary>
internal sealed class FolioSplitter(Machine machine, AnonReverseMap reverseMap)
{
    // What every page of the folio keeps (__split_huge_page_tail).
    private const ulong KeptFlags = PageFlag.Referenced | PageFlag.SwapBacked | PageFlag.Mlocked | PageFlag.Uptodate | PageFlag.Active
        | PageFlag.Workingset | PageFlag.Unevictable | PageFlag.Dirty;

    private UserFrames Frames => machine.UserFrames;

    /// <summary>Splits a folio.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="head">A large anonymous folio.</param>
    /// <param name="keepsZeroes">Whether pages of zeroes stay: they are on their way out.</param>
    /// <returns>False where somebody else holds it (<c>EAGAIN</c>), or there is no memory for a table; it is whole then.</returns>
    public bool TrySplit(CpuId cpu, Pfn head, bool keepsZeroes = false)
    {
        PageAllocator pages = machine.Pages;
        uint count = pages.GetOrder(head).PageCount;
        LargeFolio folio = Frames.Large(head);
        bool isDone = pages.Frames[head].RefCount == (int)folio.Entries;
        if (isDone)
        {
            SplitMaps(cpu, head);
            isDone = Frames.Large(head).Blocks == 0;
        }

        Frames.HugeCounters.Add(isDone ? HugePageEvent.FolioSplit : HugePageEvent.FolioSplitFailed);
        if (isDone)
        {
            // The migration entries pass on that a page was written, to the whole folio (try_to_migrate_one).
            Frames[head].Flags |= IsWritten(head) ? PageFlag.Dirty : 0;

            // Since Linux 6.12 pages of zeroes that no VMA locks go, and the zero page takes their place.
            bool unlocks = IsMappedLocked(head, count);
            bool mapsZeroes = !keepsZeroes && machine.Options.Release != KernelRelease.Linux69 && (unlocks || (pages.Frames[head].Flags & PageFlag.Mlocked) == 0);
            Frames.Carve(cpu, head, count, unlocks ? KeptFlags & ~(PageFlag.Mlocked | PageFlag.Unevictable) : KeptFlags, keepsUnmapped: mapsZeroes);
            if (unlocks)
            {
                LockMapped(cpu, head, count);
            }

            if (mapsZeroes)
            {
                MapZeroes(cpu, head, count);
            }
        }

        return isDone;
    }

    /// <summary>Maps a folio by entries of single pages where a block maps it (<c>TTU_SPLIT_HUGE_PMD</c>); it stays whole.</summary>
    public void SplitMaps(CpuId cpu, Pfn head)
    {
        uint count = machine.Pages.GetOrder(head).PageCount;
        reverseMap.ForEachRange(head, count, (process, _, start, lengthBytes) => Dissolve(process, cpu, head, count, start, lengthBytes));
    }

    /// <summary>Whether some entry of a large anonymous folio is dirty.</summary>
    public bool IsWritten(Pfn head)
    {
        uint count = machine.Pages.GetOrder(head).PageCount;
        bool isWritten = false;
        reverseMap.ForEachRange(head, count, (process, _, start, lengthBytes) =>
        {
            for (VirtAddr at = start; !isWritten && at < start + lengthBytes; at += Pfn.PageSizeBytes)
            {
                Descriptor entry = process.Tables.Read(at);
                isWritten = entry.IsPresent && !entry.IsSpecial && entry.IsDirty && unchecked(entry.Pfn - head) < count;
            }
        });
        return isWritten;
    }

    /// <summary>How many entries of a folio were used since the last call, a block counting once; they look unused now (<c>folio_referenced_one</c>).</summary>
    /// <param name="head">A large anonymous folio.</param>
    /// <param name="isLocked">Whether a mapping that mlock keeps was found.</param>
    public int CountReferences(Pfn head, out bool isLocked)
    {
        uint count = machine.Pages.GetOrder(head).PageCount;
        int references = 0;
        bool isAnyLocked = false;
        reverseMap.ForEachRange(head, count, (process, area, start, lengthBytes) =>
        {
            isAnyLocked |= (area.Flags & VmFlags.Locked) != 0;
            for (VirtAddr at = start; at < start + lengthBytes; at += Pfn.PageSizeBytes)
            {
                Descriptor entry = process.Tables.Read(at, out int level);
                if (!entry.IsPresent || entry.IsSpecial || !entry.IsYoung || unchecked(entry.Pfn - head) >= count)
                {
                    continue;
                }

                references++;
                if (level == PageTable.LastLevel)
                {
                    process.Tables.Set(at, entry.MakeOld());
                    process.FlushPage(at);
                }
                else
                {
                    process.Tables.SetHuge(start, entry.MakeOld());
                    process.FlushHuge(start);
                }
            }
        });
        isLocked = isAnyLocked;
        return references;
    }

    /// <summary>Splits folios that are mapped in part, oldest first (<c>deferred_split_scan</c>): what of them nothing maps is free then.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="countMax">At most so many.</param>
    /// <returns>How many were split.</returns>
    public int SplitDeferred(CpuId cpu, int countMax)
    {
        int split = 0;
        for (int left = Math.Min(countMax, Frames.Deferred.Count); left > 0 && Frames.Deferred.TryTake(out Pfn head); left--)
        {
            if (TrySplit(cpu, head))
            {
                split++;
            }
            else
            {
                Frames.Deferred.TryAdd(head);
            }
        }

        return split;
    }

    private bool IsMappedLocked(Pfn head, uint count)
    {
        bool isLocked = false;
        reverseMap.ForEachRange(head, count, (process, area, start, lengthBytes) =>
        {
            for (VirtAddr at = start; !isLocked && UserFrames.IsLocking(area.Flags) && at < start + lengthBytes; at += Pfn.PageSizeBytes)
            {
                Descriptor entry = process.Tables.Read(at);
                isLocked = entry.IsPresent && !entry.IsSpecial && unchecked(entry.Pfn - head) < count;
            }
        });
        return isLocked;
    }

    // The entries go and come back: what locked VMAs map is locked again, page by page (munlock_vma_folio, mlock_vma_folio).
    private void LockMapped(CpuId cpu, Pfn head, uint count) =>
        reverseMap.ForEachRange(head, count, (process, area, start, lengthBytes) =>
        {
            for (VirtAddr at = start; UserFrames.IsLocking(area.Flags) && at < start + lengthBytes; at += Pfn.PageSizeBytes)
            {
                Descriptor entry = process.Tables.Read(at);
                if (entry.IsPresent && !entry.IsSpecial && unchecked(entry.Pfn - head) < count)
                {
                    Frames.SetLocked(cpu, entry, isLocked: true);
                }
            }
        });

    // try_to_map_unused_to_zeropage; and then what nothing maps is freed.
    private void MapZeroes(CpuId cpu, Pfn head, uint count)
    {
        bool[] isZero = new bool[count];
        for (uint i = 0; i < count; i++)
        {
            isZero[i] = machine.Memory.GetFrame(head + i).IndexOfAnyExcept((byte)0) < 0;
        }

        reverseMap.ForEachRange(head, count, (process, area, start, lengthBytes) =>
        {
            if ((area.Flags & VmFlags.Locked) != 0)
            {
                return;
            }

            Descriptor zero = Descriptor.ForPage(Frames.ZeroPage, VmProtection.AttributesOf(area.Flags, isWriteNotified: false)).MakeSpecial();
            for (VirtAddr at = start; at < start + lengthBytes; at += Pfn.PageSizeBytes)
            {
                Descriptor entry = process.Tables.Read(at, out int level);
                if (level == PageTable.LastLevel && entry.IsPresent && !entry.IsSpecial && unchecked(entry.Pfn - head) < count && isZero[entry.Pfn - head])
                {
                    // Linux has a migration entry there, which is invalid: nothing is replaced in place.
                    process.Tables.Set(at, Descriptor.None);
                    process.FlushPage(at);
                    process.Tables.Set(at, zero);
                    Frames.UnmapKept(process, entry);
                }
            }
        });
        Frames.FreeUnmappedPages(cpu, head, count);
    }

    // Blocks of the folio become tables, runs of it single entries.
    private static void Dissolve(Process process, CpuId cpu, Pfn head, uint count, VirtAddr start, ulong lengthBytes)
    {
        if (HugeMaps.TryGetBlock(process, start, out Descriptor block))
        {
            if (!block.IsSpecial && block.Pfn == head)
            {
                HugeMaps.Split(process, cpu, start);
            }
            else
            {
                return;
            }
        }

        for (VirtAddr at = start; at < start + lengthBytes; at += Pfn.PageSizeBytes)
        {
            Descriptor entry = process.Tables.Read(at, out int level);
            if (level == PageTable.LastLevel && entry.IsPresent && entry.IsContiguous && unchecked(entry.Pfn - head) < count)
            {
                process.Tables.UnfoldAt(at);
            }
        }
    }
}
