using Engine.Arm64.Units;

namespace Engine.Arm64.Processes;

/// <summary>The bounds and tunables of address spaces: one set a machine.</summary>
public sealed record MemoryMapOptions
{
    /// <summary>Bytes that a transparent huge page takes (<c>HPAGE_PMD_SIZE</c>).</summary>
    public const ulong HugePageBytes = 2UL << 20;

    /// <summary>The first address after user space (<c>TASK_SIZE</c>): 2^48 for 48-bit addresses.</summary>
    public VirtAddr TaskSize { get; init; } = new(1UL << 48);

    /// <summary>The lowest address that a process without privilege may map (<c>vm.mmap_min_addr</c>).</summary>
    public VirtAddr MinimumAddress { get; init; } = new(65536);

    /// <summary>How many VMAs a process may have (<c>vm.max_map_count</c>).</summary>
    public int MapCountMax { get; init; } = 65530;

    /// <summary>The gap kept below a growing VMA, in bytes (<c>stack_guard_gap</c>).</summary>
    public ulong StackGuardGapBytes { get; init; } = 256 * 4096;

    /// <summary>
    /// Which lengths of anonymous mappings are placed on a huge page's boundary. Linux 6.7 to 6.12: from 2 MiB on. Since 6.13, and here by
    /// default: multiples of 2 MiB.
    /// </summary>
    public bool AlignsMultiplesOfHugePagesOnly { get; init; } = true;

    /// <summary>Whether addresses grow upwards (<c>vm.legacy_va_layout</c>) instead of down from the stack.</summary>
    public bool IsLegacyLayout { get; init; }
}
