namespace Engine.Arm64.Faults;

/// <summary>Pages of a process that are mapped now, by kind (<c>mm->rss_stat</c>). The zero page is not counted.</summary>
public struct ResidentPages
{
    /// <summary>Private pages (<c>MM_ANONPAGES</c>).</summary>
    public ulong Anonymous;

    /// <summary>Pages of files (<c>MM_FILEPAGES</c>).</summary>
    public ulong File;

    /// <summary>Pages of shared memory (<c>MM_SHMEMPAGES</c>).</summary>
    public ulong Shmem;

    /// <summary>All of them (<c>VmRSS</c>).</summary>
    public readonly ulong Total => Anonymous + File + Shmem;
}
