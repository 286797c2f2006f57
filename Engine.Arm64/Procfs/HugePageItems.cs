using Engine.Arm64.HugePages;
using Engine.Core.Diagnostics.Procfs;

namespace Engine.Arm64.Procfs;

/// <summary>The <c>thp_…</c> lines of <c>/proc/vmstat</c>: events of the whole machine.</summary>
internal static class HugePageItems
{
    private static readonly (string Name, HugePageEvent Event)[] Items =
    [
        ("thp_fault_alloc", HugePageEvent.FaultAllocation),
        ("thp_fault_fallback", HugePageEvent.FaultFallback),
        ("thp_collapse_alloc", HugePageEvent.CollapseAllocation),
        ("thp_collapse_alloc_failed", HugePageEvent.CollapseAllocationFailed),
        ("thp_file_mapped", HugePageEvent.FileMapped),
        ("thp_split_page", HugePageEvent.FolioSplit),
        ("thp_split_page_failed", HugePageEvent.FolioSplitFailed),
        ("thp_deferred_split_page", HugePageEvent.DeferredSplit),
        ("thp_split_pmd", HugePageEvent.MapSplit),
        ("thp_zero_page_alloc", HugePageEvent.ZeroPageAllocation),
        ("thp_zero_page_alloc_failed", HugePageEvent.ZeroPageAllocationFailed),
    ];

    /// <summary>Registers the counters.</summary>
    public static void Register(Machine machine, ProcCounters counters)
    {
        foreach ((string name, HugePageEvent kind) in Items)
        {
            counters.Register(name, _ => (ulong)machine.HugePageCounters[kind]);
        }
    }
}
