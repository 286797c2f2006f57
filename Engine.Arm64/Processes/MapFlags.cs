namespace Engine.Arm64.Processes;

/// <summary>How mmap maps: <c>MAP_*</c> (include/uapi/asm-generic/mman.h, mman-common.h).</summary>
[Flags]
public enum MapFlags
{
    /// <summary>No type: refused.</summary>
    None = 0,

    /// <summary>MAP_SHARED.</summary>
    Shared = 0x1,

    /// <summary>MAP_PRIVATE.</summary>
    Private = 0x2,

    /// <summary>MAP_SHARED_VALIDATE: as shared, unknown flags refused.</summary>
    SharedValidate = 0x3,

    /// <summary>The bits that hold one of the three types (MAP_TYPE).</summary>
    TypeMask = 0xf,

    /// <summary>MAP_FIXED.</summary>
    Fixed = 0x10,

    /// <summary>MAP_ANONYMOUS.</summary>
    Anonymous = 0x20,

    /// <summary>MAP_GROWSDOWN.</summary>
    GrowsDown = 0x100,

    /// <summary>MAP_DENYWRITE: ignored.</summary>
    DenyWrite = 0x800,

    /// <summary>MAP_EXECUTABLE: ignored.</summary>
    Executable = 0x1000,

    /// <summary>MAP_LOCKED.</summary>
    Locked = 0x2000,

    /// <summary>MAP_NORESERVE.</summary>
    NoReserve = 0x4000,

    /// <summary>MAP_POPULATE.</summary>
    Populate = 0x8000,

    /// <summary>MAP_NONBLOCK: with populate, nothing is populated.</summary>
    NonBlock = 0x1_0000,

    /// <summary>MAP_STACK: no huge pages here.</summary>
    Stack = 0x2_0000,

    /// <summary>MAP_HUGETLB.</summary>
    HugeTlb = 0x4_0000,

    /// <summary>MAP_SYNC.</summary>
    Sync = 0x8_0000,

    /// <summary>MAP_FIXED_NOREPLACE.</summary>
    FixedNoReplace = 0x10_0000,

    /// <summary>MAP_UNINITIALIZED: ignored with an MMU.</summary>
    Uninitialized = 0x400_0000,

    /// <summary>All flags that MAP_SHARED_VALIDATE knows (LEGACY_MAP_MASK).</summary>
    Legacy = Shared | Private | Fixed | Anonymous | DenyWrite | Executable | Uninitialized | GrowsDown | Locked | NoReserve
        | Populate | NonBlock | Stack | HugeTlb,
}
