// The names in the order in which v6.9 prints them (mm/vmstat.c, vmstat_text[]), for arm64 with NUMA balancing, transparent
// huge pages, hugetlb, CMA and swap, without zswap, memory ballooning, KSM, device memory and debug counters.

namespace Engine.Core.Diagnostics.Procfs;

/// <summary>The names of the counters.</summary>
internal static class ProcItems
{
    /// <summary>Huge pages are printed in units of 512 pages (<c>vmstat_item_print_in_thp</c>).</summary>
    public const ulong HugePagePages = 512;

    /// <summary>Per zone (<c>enum zone_stat_item</c>).</summary>
    public static readonly string[] Zone = Words(
        """
        nr_free_pages nr_zone_inactive_anon nr_zone_active_anon nr_zone_inactive_file nr_zone_active_file nr_zone_unevictable
        nr_zone_write_pending nr_mlock nr_bounce nr_free_cma
        """);

    /// <summary>Per zone, on NUMA machines (<c>enum numa_stat_item</c>).</summary>
    public static readonly string[] Numa = Words("numa_hit numa_miss numa_foreign numa_interleave numa_local numa_other");

    /// <summary>Per node (<c>enum node_stat_item</c>).</summary>
    public static readonly string[] Node = Words(
        """
        nr_inactive_anon nr_active_anon nr_inactive_file nr_active_file nr_unevictable nr_slab_reclaimable nr_slab_unreclaimable
        nr_isolated_anon nr_isolated_file workingset_nodes workingset_refault_anon workingset_refault_file workingset_activate_anon
        workingset_activate_file workingset_restore_anon workingset_restore_file workingset_nodereclaim nr_anon_pages nr_mapped
        nr_file_pages nr_dirty nr_writeback nr_writeback_temp nr_shmem nr_shmem_hugepages nr_shmem_pmdmapped nr_file_hugepages
        nr_file_pmdmapped nr_anon_transparent_hugepages nr_vmscan_write nr_vmscan_immediate_reclaim nr_dirtied nr_written
        nr_throttled_written nr_kernel_misc_reclaimable nr_foll_pin_acquired nr_foll_pin_released nr_kernel_stack nr_page_table_pages
        nr_sec_page_table_pages nr_swapcached pgpromote_success pgpromote_candidate pgdemote_kswapd pgdemote_direct
        pgdemote_khugepaged
        """);

    /// <summary>Thresholds and events of the machine (<c>enum vm_event_item</c>).</summary>
    public static readonly string[] Events = Words(
        """
        nr_dirty_threshold nr_dirty_background_threshold
        pgpgin pgpgout pswpin pswpout
        pgalloc_dma pgalloc_dma32 pgalloc_normal pgalloc_movable
        allocstall_dma allocstall_dma32 allocstall_normal allocstall_movable
        pgskip_dma pgskip_dma32 pgskip_normal pgskip_movable
        pgfree pgactivate pgdeactivate pglazyfree pgfault pgmajfault pglazyfreed pgrefill pgreuse
        pgsteal_kswapd pgsteal_direct pgsteal_khugepaged pgscan_kswapd pgscan_direct pgscan_khugepaged pgscan_direct_throttle
        pgscan_anon pgscan_file pgsteal_anon pgsteal_file zone_reclaim_failed pginodesteal slabs_scanned kswapd_inodesteal
        kswapd_low_wmark_hit_quickly kswapd_high_wmark_hit_quickly pageoutrun pgrotated drop_pagecache drop_slab oom_kill
        numa_pte_updates numa_huge_pte_updates numa_hint_faults numa_hint_faults_local numa_pages_migrated
        pgmigrate_success pgmigrate_fail thp_migration_success thp_migration_fail thp_migration_split
        compact_migrate_scanned compact_free_scanned compact_isolated compact_stall compact_fail compact_success
        compact_daemon_wake compact_daemon_migrate_scanned compact_daemon_free_scanned
        htlb_buddy_alloc_success htlb_buddy_alloc_fail cma_alloc_success cma_alloc_fail
        unevictable_pgs_culled unevictable_pgs_scanned unevictable_pgs_rescued unevictable_pgs_mlocked unevictable_pgs_munlocked
        unevictable_pgs_cleared unevictable_pgs_stranded
        thp_fault_alloc thp_fault_fallback thp_fault_fallback_charge thp_collapse_alloc thp_collapse_alloc_failed thp_file_alloc
        thp_file_fallback thp_file_fallback_charge thp_file_mapped thp_split_page thp_split_page_failed thp_deferred_split_page
        thp_split_pmd thp_scan_exceed_none_pte thp_scan_exceed_swap_pte thp_scan_exceed_share_pte thp_zero_page_alloc
        thp_zero_page_alloc_failed thp_swpout thp_swpout_fallback
        swap_ra swap_ra_hit
        """);

    private static readonly HashSet<string> InHugePages = new(
        Words("nr_anon_transparent_hugepages nr_file_hugepages nr_shmem_hugepages nr_shmem_pmdmapped nr_file_pmdmapped"),
        StringComparer.Ordinal);

    /// <summary>The value as <c>vmstat</c> and <c>zoneinfo</c> print it.</summary>
    public static ulong ToPrinted(string item, ulong value) => InHugePages.Contains(item) ? value / HugePagePages : value;

    private static string[] Words(string text) => text.Split((char[])[' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries);
}
