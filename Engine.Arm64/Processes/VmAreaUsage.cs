namespace Engine.Arm64.Processes;

/// <summary>What <c>/proc/PID/smaps</c> counts in one VMA (fs/proc/task_mmu.c, <c>struct mem_size_stats</c>). Pages, unless the name says otherwise.</summary>
public readonly record struct VmAreaUsage
{
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

    /// <summary>Pss: each page divided by how often it is mapped, in KiB, rounded down.</summary>
    public ulong ProportionalKiB { get; init; }

    /// <summary>Locked: Pss of a locked VMA, in KiB, rounded down.</summary>
    public ulong LockedKiB { get; init; }
}
