namespace Engine.Arm64.Processes;

/// <summary>
/// What <c>/proc/PID/smaps</c> counts in one VMA, or <c>smaps_rollup</c> in all (fs/proc/task_mmu.c, <c>struct mem_size_stats</c>). Pages,
/// unless the name says otherwise: a scaled value is bytes with <see cref="ProportionShift"/> binary places, so that sums keep what a
/// division of a page by its mappings leaves.
/// </summary>
public readonly record struct VmAreaUsage
{
    /// <summary>Binary places of a scaled value (<c>PSS_SHIFT</c>).</summary>
    public const int ProportionShift = 12;

    private const int ToKiBShift = 10 + ProportionShift;

    /// <summary>Rss.</summary>
    public ulong ResidentPages { get; init; }

    /// <summary>Anonymous.</summary>
    public ulong AnonymousPages { get; init; }

    /// <summary>Shared_Clean.</summary>
    public ulong SharedCleanPages { get; init; }

    /// <summary>Shared_Dirty.</summary>
    public ulong SharedDirtyPages { get; init; }

    /// <summary>Private_Clean.</summary>
    public ulong PrivateCleanPages { get; init; }

    /// <summary>Private_Dirty.</summary>
    public ulong PrivateDirtyPages { get; init; }

    /// <summary>Referenced.</summary>
    public ulong ReferencedPages { get; init; }

    /// <summary>LazyFree.</summary>
    public ulong LazyFreePages { get; init; }

    /// <summary>Swap.</summary>
    public ulong SwapPages { get; init; }

    /// <summary>AnonHugePages.</summary>
    public ulong AnonymousHugePages { get; init; }

    /// <summary>ShmemPmdMapped.</summary>
    public ulong ShmemHugePages { get; init; }

    /// <summary>FilePmdMapped.</summary>
    public ulong FileHugePages { get; init; }

    /// <summary>Pss, scaled: each page divided by how often it is mapped.</summary>
    public ulong ScaledProportional { get; init; }

    /// <summary>Pss_Dirty, scaled.</summary>
    public ulong ScaledProportionalDirty { get; init; }

    /// <summary>Pss_Anon, scaled.</summary>
    public ulong ScaledProportionalAnonymous { get; init; }

    /// <summary>Pss_File, scaled.</summary>
    public ulong ScaledProportionalFile { get; init; }

    /// <summary>Pss_Shmem, scaled.</summary>
    public ulong ScaledProportionalShmem { get; init; }

    /// <summary>Locked, scaled: Pss of a locked VMA.</summary>
    public ulong ScaledLocked { get; init; }

    /// <summary>SwapPss, scaled.</summary>
    public ulong ScaledSwapProportional { get; init; }

    /// <summary>Pss, in KiB, rounded down.</summary>
    public ulong ProportionalKiB => ScaledProportional >> ToKiBShift;

    /// <summary>Locked: Pss of a locked VMA, in KiB, rounded down.</summary>
    public ulong LockedKiB => ScaledLocked >> ToKiBShift;

    /// <summary>The sum over two VMAs (<c>smaps_rollup</c>).</summary>
    public static VmAreaUsage operator +(VmAreaUsage left, VmAreaUsage right) => new()
    {
        ResidentPages = left.ResidentPages + right.ResidentPages,
        AnonymousPages = left.AnonymousPages + right.AnonymousPages,
        SharedCleanPages = left.SharedCleanPages + right.SharedCleanPages,
        SharedDirtyPages = left.SharedDirtyPages + right.SharedDirtyPages,
        PrivateCleanPages = left.PrivateCleanPages + right.PrivateCleanPages,
        PrivateDirtyPages = left.PrivateDirtyPages + right.PrivateDirtyPages,
        ReferencedPages = left.ReferencedPages + right.ReferencedPages,
        LazyFreePages = left.LazyFreePages + right.LazyFreePages,
        SwapPages = left.SwapPages + right.SwapPages,
        AnonymousHugePages = left.AnonymousHugePages + right.AnonymousHugePages,
        ShmemHugePages = left.ShmemHugePages + right.ShmemHugePages,
        FileHugePages = left.FileHugePages + right.FileHugePages,
        ScaledProportional = left.ScaledProportional + right.ScaledProportional,
        ScaledProportionalDirty = left.ScaledProportionalDirty + right.ScaledProportionalDirty,
        ScaledProportionalAnonymous = left.ScaledProportionalAnonymous + right.ScaledProportionalAnonymous,
        ScaledProportionalFile = left.ScaledProportionalFile + right.ScaledProportionalFile,
        ScaledProportionalShmem = left.ScaledProportionalShmem + right.ScaledProportionalShmem,
        ScaledLocked = left.ScaledLocked + right.ScaledLocked,
        ScaledSwapProportional = left.ScaledSwapProportional + right.ScaledSwapProportional,
    };

    /// <summary>The sum over two VMAs.</summary>
    public static VmAreaUsage Add(VmAreaUsage left, VmAreaUsage right) => left + right;
}
