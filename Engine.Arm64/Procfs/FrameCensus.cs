using Engine.Arm64.HugePages;
using Engine.Arm64.PageTables;
using Engine.Core.Diagnostics.Procfs;
using Engine.Core.Frames;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Arm64.Procfs;

/// <summary>
/// The counters of <c>vmstat</c>, <c>zoneinfo</c> and <c>meminfo</c> that say what frames are used for. Linux keeps them up to date at each change; here the
/// descriptors are counted when somebody reads, so that no fault pays for them.
/// </summary>
internal static class FrameCensus
{
    /// <summary>Registers the counters.</summary>
    public static void Register(Machine machine, ProcCounters counters)
    {
        (string Name, Func<Pfn, bool> IsCounted)[] items =
        [
            ("nr_anon_pages", pfn => IsAnonymous(machine, pfn) && machine.CountMappings(pfn) > 0),
            ("nr_mapped", pfn => IsFile(machine, pfn) && machine.CountMappings(pfn) > 0),
            ("nr_file_pages", pfn => IsFile(machine, pfn)),
            ("nr_shmem", pfn => IsFile(machine, pfn) && Has(machine, pfn, PageFlag.SwapBacked)),
            ("nr_dirty", pfn => IsFile(machine, pfn) && Has(machine, pfn, PageFlag.Dirty) && !Has(machine, pfn, PageFlag.SwapBacked)),
            ("nr_writeback", pfn => IsFile(machine, pfn) && Has(machine, pfn, PageFlag.Writeback)),
            ("nr_anon_transparent_hugepages", pfn => IsAnonymous(machine, pfn) && IsMappedByBlock(machine, pfn)),
            ("nr_shmem_hugepages", pfn => IsFile(machine, pfn) && Has(machine, pfn, PageFlag.SwapBacked) && IsHuge(machine, pfn)),
            ("nr_shmem_pmdmapped", pfn => IsFile(machine, pfn) && Has(machine, pfn, PageFlag.SwapBacked) && IsMappedByBlock(machine, pfn)),
            ("nr_file_hugepages", pfn => IsFile(machine, pfn) && !Has(machine, pfn, PageFlag.SwapBacked) && IsHuge(machine, pfn)),
            ("nr_file_pmdmapped", pfn => IsFile(machine, pfn) && !Has(machine, pfn, PageFlag.SwapBacked) && IsMappedByBlock(machine, pfn)),
            ("nr_page_table_pages", pfn => PageTable.IsTable(in machine.Pages.Frames[pfn])),
        ];
        foreach ((string name, Func<Pfn, bool> isCounted) in items)
        {
            counters.Register(name, scope => Count(machine, scope, isCounted));
        }
    }

    private static ulong Count(Machine machine, ProcScope scope, Func<Pfn, bool> isCounted)
    {
        ulong count = 0;
        foreach (Zone zone in machine.Pages.Zones)
        {
            if ((scope.Node is not null && scope.Node != zone.Node) || (scope.Zone is not null && scope.Zone != zone.Type))
            {
                continue;
            }

            for (Pfn pfn = zone.Span.Start; pfn < zone.Span.End; pfn += 1)
            {
                count += machine.Pages.Frames.IsValid(pfn) && machine.Pages.Frames[Head(machine, pfn)].RefCount > 0 && isCounted(pfn) ? 1UL : 0;
            }
        }

        return count;
    }

    private static bool IsAnonymous(Machine machine, Pfn pfn) => (machine.Pages.Frames[Head(machine, pfn)].Mapping & PageFlag.MappingAnon) != 0;

    private static bool IsFile(Machine machine, Pfn pfn) => !IsAnonymous(machine, pfn)
        && (Has(machine, pfn, PageFlag.Lru) || machine.Pages.Lru.IsWaiting(Head(machine, pfn))) && machine.PageCache.MappingOf(pfn) is not null;

    private static bool Has(Machine machine, Pfn pfn, ulong flags) => (machine.Pages.Frames[Head(machine, pfn)].Flags & flags) == flags;

    private static bool IsHuge(Machine machine, Pfn pfn) => machine.PageCache.OrderOf(Head(machine, pfn)) == HugePageOptions.HugeOrder;

    private static bool IsMappedByBlock(Machine machine, Pfn pfn) => IsHuge(machine, pfn) && machine.UserFrames.Large(Head(machine, pfn)).Blocks > 0;

    private static Pfn Head(Machine machine, Pfn pfn) => machine.PageCache.HeadOf(pfn);
}
