namespace Mmsim.Scenario;

/// <summary>What a line of a scenario does.</summary>
internal enum ScenarioOperationKind
{
    /// <summary><c>file</c>, <c>shmfile</c>.</summary>
    CreateFile,

    /// <summary><c>evict</c>.</summary>
    Evict,

    /// <summary><c>warm</c>.</summary>
    Warm,

    /// <summary><c>fsync</c>.</summary>
    SyncFile,

    /// <summary><c>truncate</c>.</summary>
    Truncate,

    /// <summary><c>punch</c>.</summary>
    PunchHole,

    /// <summary><c>writefile</c>.</summary>
    WriteFile,

    /// <summary><c>readfile</c>.</summary>
    ReadFile,

    /// <summary><c>cached</c>.</summary>
    ShowCached,

    /// <summary><c>swapon</c>.</summary>
    SwapOn,

    /// <summary><c>thpset</c>: a setting below <c>/sys/kernel/mm/transparent_hugepage</c>, until the script ends.</summary>
    SetHugePages,

    /// <summary><c>mmap</c>: into the next slot.</summary>
    Map,

    /// <summary><c>mmapat</c>: MAP_FIXED.</summary>
    MapAt,

    /// <summary><c>mmapnr</c>: MAP_FIXED_NOREPLACE.</summary>
    MapNoReplace,

    /// <summary><c>mmapany</c>: where the kernel chooses.</summary>
    MapAnywhere,

    /// <summary><c>munmap</c>.</summary>
    Unmap,

    /// <summary><c>mprotect</c>.</summary>
    Protect,

    /// <summary><c>madvise</c>.</summary>
    Advise,

    /// <summary><c>mlock</c>.</summary>
    Lock,

    /// <summary><c>mlockof</c>: mlock2 with MLOCK_ONFAULT.</summary>
    LockOnFault,

    /// <summary><c>munlock</c>.</summary>
    Unlock,

    /// <summary><c>msync</c>.</summary>
    Sync,

    /// <summary><c>mremap</c>.</summary>
    Remap,

    /// <summary><c>brk</c>.</summary>
    Break,

    /// <summary><c>thp on</c>, <c>thp off</c>.</summary>
    SetThp,

    /// <summary><c>read</c>.</summary>
    Read,

    /// <summary><c>write</c>.</summary>
    Write,

    /// <summary><c>readn</c>.</summary>
    ReadMany,

    /// <summary><c>writen</c>.</summary>
    WriteMany,

    /// <summary><c>fork</c>.</summary>
    Fork,

    /// <summary><c>exit</c>.</summary>
    Exit,

    /// <summary><c>memlimit</c>.</summary>
    LimitMemory,

    /// <summary><c>obs</c>.</summary>
    Observe,

    /// <summary><c>pt</c>.</summary>
    ShowPageTables,

    /// <summary><c>pagemap</c>.</summary>
    ShowPageMap,

    /// <summary><c>mincore</c>.</summary>
    ShowResident,

    /// <summary><c>frames</c>.</summary>
    ShowFrames,
}
