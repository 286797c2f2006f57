namespace Engine.Arm64.Processes;

/// <summary>What mlockall locks: <c>MCL_*</c> (include/uapi/asm-generic/mman.h).</summary>
[Flags]
public enum LockFlags
{
    /// <summary>Nothing: refused.</summary>
    None = 0,

    /// <summary>MCL_CURRENT.</summary>
    Current = 1,

    /// <summary>MCL_FUTURE.</summary>
    Future = 2,

    /// <summary>MCL_ONFAULT.</summary>
    OnFault = 4,
}
