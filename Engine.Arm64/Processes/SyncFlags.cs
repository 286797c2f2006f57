namespace Engine.Arm64.Processes;

/// <summary>How msync writes back: <c>MS_*</c> (include/uapi/asm-generic/mman-common.h).</summary>
[Flags]
public enum SyncFlags
{
    /// <summary>Checks the range only.</summary>
    None = 0,

    /// <summary>MS_ASYNC.</summary>
    Async = 1,

    /// <summary>MS_INVALIDATE.</summary>
    Invalidate = 2,

    /// <summary>MS_SYNC.</summary>
    Sync = 4,
}
