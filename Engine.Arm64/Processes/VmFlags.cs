namespace Engine.Arm64.Processes;

/// <summary>What a VMA allows and how it behaves: Linux's <c>VM_*</c> values (include/linux/mm.h), which <c>smaps</c> prints as two-letter codes.</summary>
[Flags]
public enum VmFlags : ulong
{
    /// <summary>No access, no special behaviour.</summary>
    None = 0,

    /// <summary>Readable (<c>rd</c>).</summary>
    Read = 0x1,

    /// <summary>Writable (<c>wr</c>).</summary>
    Write = 0x2,

    /// <summary>Executable (<c>ex</c>).</summary>
    Exec = 0x4,

    /// <summary>Writes reach the object (<c>sh</c>).</summary>
    Shared = 0x8,

    /// <summary>mprotect may add <see cref="Read"/> (<c>mr</c>).</summary>
    MayRead = 0x10,

    /// <summary>mprotect may add <see cref="Write"/> (<c>mw</c>).</summary>
    MayWrite = 0x20,

    /// <summary>mprotect may add <see cref="Exec"/> (<c>me</c>).</summary>
    MayExec = 0x40,

    /// <summary>Mapped with MAP_SHARED, even where the file may not be written (<c>ms</c>).</summary>
    MayShare = 0x80,

    /// <summary>Grows towards lower addresses when touched below its start (<c>gd</c>).</summary>
    GrowsDown = 0x100,

    /// <summary>Frames without descriptors (<c>pf</c>).</summary>
    PfnMap = 0x400,

    /// <summary>Pages are kept in memory (<c>lo</c>).</summary>
    Locked = 0x2000,

    /// <summary>Device memory (<c>io</c>).</summary>
    Io = 0x4000,

    /// <summary>Advised sequential (<c>sr</c>).</summary>
    SequentialRead = 0x8000,

    /// <summary>Advised random (<c>rr</c>).</summary>
    RandomRead = 0x1_0000,

    /// <summary>A child does not get it (<c>dc</c>).</summary>
    DontCopy = 0x2_0000,

    /// <summary>mremap may not expand it (<c>de</c>).</summary>
    DontExpand = 0x4_0000,

    /// <summary>Locked pages come when they are first touched (<c>lf</c>).</summary>
    LockOnFault = 0x8_0000,

    /// <summary>Counted in <c>Committed_AS</c> (<c>ac</c>).</summary>
    Account = 0x10_0000,

    /// <summary>Mapped with MAP_NORESERVE (<c>nr</c>).</summary>
    NoReserve = 0x20_0000,

    /// <summary>Pages of hugetlbfs (<c>ht</c>).</summary>
    HugeTlb = 0x40_0000,

    /// <summary>Mapped with MAP_SYNC (<c>sf</c>).</summary>
    Sync = 0x80_0000,

    /// <summary>A child finds zeroes (<c>wf</c>).</summary>
    WipeOnFork = 0x200_0000,

    /// <summary>Left out of a core dump (<c>dd</c>).</summary>
    DontDump = 0x400_0000,

    /// <summary>Not changed since soft-dirty was cleared (<c>sd</c>); merging ignores it.</summary>
    SoftDirty = 0x800_0000,

    /// <summary>May hold frames without descriptors (<c>mm</c>).</summary>
    MixedMap = 0x1000_0000,

    /// <summary>Advised for huge pages (<c>hg</c>).</summary>
    HugePage = 0x2000_0000,

    /// <summary>Advised against huge pages (<c>nh</c>).</summary>
    NoHugePage = 0x4000_0000,

    /// <summary>Advised for merging of equal pages (<c>mg</c>).</summary>
    Mergeable = 0x8000_0000,

    /// <summary>Read, write and execute (<c>VM_ACCESS_FLAGS</c>).</summary>
    Access = Read | Write | Exec,

    /// <summary>Both marks of mlock (<c>VM_LOCKED_MASK</c>).</summary>
    LockedMask = Locked | LockOnFault,

    /// <summary>Never merged, never locked (<c>VM_SPECIAL</c>).</summary>
    Special = Io | DontExpand | PfnMap | MixedMap,

    /// <summary>A stack's flags beside its access (<c>VM_STACK_FLAGS</c> without access).</summary>
    Stack = GrowsDown | Account,
}
