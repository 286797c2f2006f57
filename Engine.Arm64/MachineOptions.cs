using Engine.Arm64.HugePages;
using Engine.Arm64.Kernel.Map;
using Engine.Arm64.Kernel.Smmu;
using Engine.Arm64.PageTables;
using Engine.Arm64.Tlb;
using Engine.Arm64.Units;
using Engine.Core.Arena;
using Engine.Core.PageCache;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <summary>The machine to boot.</summary>
public sealed record MachineOptions
{
    /// <summary>Where RAM begins on most boards of this kind: 1 GiB.</summary>
    public static readonly PhysAddr DefaultMemoryStart = new(0x4000_0000);

    /// <summary>RAM in bytes, a multiple of 4,096, in one bank; ignored where <see cref="Banks"/> is given.</summary>
    public ulong MemoryBytes { get; init; } = 1UL << 30;

    /// <summary>The RAM banks, where one of <see cref="MemoryBytes"/> from <see cref="DefaultMemoryStart"/> is not what is wanted.</summary>
    public IReadOnlyList<MemoryBank>? Banks { get; init; }

    /// <summary>CPUs, 1..4096.</summary>
    public int CpuCount { get; init; } = 1;

    /// <summary>The TLBs of every CPU.</summary>
    public TlbGeometry Tlb { get; init; } = TlbGeometry.Default;

    /// <summary>The seed of everything random in the machine.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Whether the CPUs set access flag and dirty state themselves (FEAT_HAFDBS, as in all cores since Armv8.1); otherwise the first use of a descriptor faults.</summary>
    public bool HasHardwareDirtyState { get; init; } = true;

    /// <summary>Whose rules apply, where releases of Linux differ.</summary>
    public KernelRelease Release { get; init; } = KernelRelease.Linux69;

    /// <summary>How the kernel's own map is built; null for none: TTBR1 translates nothing then, and boot and memory are without its image and tables.</summary>
    public KernelMapOptions? KernelMap { get; init; }

    /// <summary>The SMMU between devices and memory; null for none: devices reach all memory.</summary>
    public SmmuOptions? Smmu { get; init; }

    /// <summary>Transparent huge pages at boot.</summary>
    public HugePageOptions HugePages { get; init; } = new();

    /// <summary>Whether aligned runs of pages of one folio get the contiguous bit (<c>CONFIG_ARM64_CONTPTE</c>).</summary>
    public bool FoldsContiguousRuns { get; init; } = true;

    /// <summary>Order of the folios that hold executable memory of files, where they can be large (<c>exec_folio_order</c>; Linux 6.17 and later): 64 KiB on arm64.</summary>
    public int ExecFolioOrder { get; init; } = 4;

    /// <summary>What the file system and the device of files allow; null for single pages and the default readahead.</summary>
    public FileMappingOptions? Files { get; init; }

    /// <summary>The first address after a process's (<c>TASK_SIZE</c>): 2^48, or less.</summary>
    public VirtAddr TaskSize { get; init; } = new(1UL << 48);

    /// <summary>Bits of an ASID, 8 or 16 (ID_AA64MMFR0_EL1.ASIDBits): when all are given, every CPU empties its TLB.</summary>
    public int AsidBits { get; init; } = 16;

    /// <summary>Whether the CPUs have TLBI by range (FEAT_TLBIRANGE, Armv8.4; the Neoverse N1 has not). Linux then flushes ranges instead of giving up for the whole ASID at 512 pages.</summary>
    public bool HasTlbRangeInstructions { get; init; }

    /// <summary>
    /// Whether every change of a process's tables is checked against the break-before-make rule of CPUs with this level of FEAT_BBM; null for no
    /// checks. They cost a scan of the tables at each TLB invalidation, and nothing where they are off. <see cref="Machine.TableFindings"/> has what they find.
    /// </summary>
    public BreakBeforeMakeLevel? TableChecks { get; init; }

    internal MemoryBank[] ToBanks() => Banks is { } banks ? [.. banks] : [new MemoryBank(DefaultMemoryStart, MemoryBytes)];
}
