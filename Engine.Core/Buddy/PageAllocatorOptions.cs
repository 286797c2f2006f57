using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <summary>How the page allocator is set up at boot.</summary>
public sealed record PageAllocatorOptions
{
    /// <summary>How many CPUs have page lists of their own, 1..4096.</summary>
    public int CpuCount { get; init; } = 1;

    /// <summary>The NUMA node of each CPU, by CPU number; null puts CPU c on node c modulo the number of nodes.</summary>
    public IReadOnlyList<int>? CpuNodes { get; init; }

    /// <summary>Distance from one node to another; null is 10 to itself and 20 to any other.</summary>
    public Func<int, int, int>? NodeDistance { get; init; }

    /// <summary>Address bits of the most limited device: where ZONE_DMA ends (<c>zone_dma_bits</c>).</summary>
    public int ZoneDmaBits { get; init; } = 32;

    /// <summary>How much memory ZONE_MOVABLE gets (<c>movablecore=</c>), in bytes.</summary>
    public ulong MovableBytes { get; init; }

    /// <summary>The zones themselves, where they are known from a real machine; null divides memory by arm64's rules.</summary>
    public IReadOnlyList<ZoneSpan>? Zones { get; init; }

    /// <summary><c>vm.min_free_kbytes</c>; null computes it from the size of memory.</summary>
    public uint? MinFreeKilobytes { get; init; }

    /// <summary>Whether transparent huge pages are enabled, so that khugepaged raises <c>min_free_kbytes</c>. Off keeps the boot value.</summary>
    public bool TransparentHugePages { get; init; }

    /// <summary><c>vm.watermark_scale_factor</c>, in 1/10,000.</summary>
    public uint WatermarkScaleFactor { get; init; } = Watermarks.ScaleFactorDefault;

    /// <summary><c>vm.watermark_boost_factor</c>, in 1/10,000; 0 turns boosting off.</summary>
    public uint WatermarkBoostFactor { get; init; } = Watermarks.BoostFactorDefault;

    /// <summary><c>vm.lowmem_reserve_ratio</c> by zone type; null is Linux's 256, 256, 32, 0.</summary>
    public IReadOnlyList<uint>? LowmemReserveRatio { get; init; }

    /// <summary><c>vm.percpu_pagelist_high_fraction</c>: 0 (tuned), or 8 and more.</summary>
    public int PerCpuHighFraction { get; init; }

    /// <summary>The data cache that one CPU has for itself, in bytes: large ones let freed high orders stay on the lists (<c>per_cpu_data_slice_size</c>).</summary>
    public ulong DataCacheBytes { get; init; } = 1UL << 20;

    /// <summary>Whose rules apply, where releases of Linux differ: when a run of freed high orders leaves the lists.</summary>
    public KernelRelease Release { get; init; } = KernelRelease.Linux69;

    /// <summary>
    /// Whether one host thread drives all CPUs in turn, so that one CPU may act on another's lists at once. Otherwise it asks the owner, and
    /// zones are divided: a CPU takes from its own part while that has a block large enough, even where another part has a smaller one.
    /// </summary>
    public bool IsDeterministic { get; init; }

    /// <summary>
    /// Whether descriptors are checked at each free and each allocation (<c>check_pages_enabled</c>, on with DEBUG_VM). The state
    /// of a frame is checked always.
    /// </summary>
    public bool CheckPages { get; init; }
}
