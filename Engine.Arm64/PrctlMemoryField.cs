namespace Engine.Arm64;

/// <summary>What prctl(PR_SET_MM) sets (<c>PR_SET_MM_*</c>, include/uapi/linux/prctl.h).</summary>
public enum PrctlMemoryField
{
    /// <summary>PR_SET_MM_START_CODE.</summary>
    StartCode = 1,

    /// <summary>PR_SET_MM_END_CODE.</summary>
    EndCode = 2,

    /// <summary>PR_SET_MM_START_DATA.</summary>
    StartData = 3,

    /// <summary>PR_SET_MM_END_DATA.</summary>
    EndData = 4,

    /// <summary>PR_SET_MM_START_STACK.</summary>
    StartStack = 5,

    /// <summary>PR_SET_MM_START_BRK.</summary>
    StartBrk = 6,

    /// <summary>PR_SET_MM_BRK.</summary>
    Brk = 7,

    /// <summary>PR_SET_MM_ARG_START.</summary>
    ArgStart = 8,

    /// <summary>PR_SET_MM_ARG_END.</summary>
    ArgEnd = 9,

    /// <summary>PR_SET_MM_ENV_START.</summary>
    EnvStart = 10,

    /// <summary>PR_SET_MM_ENV_END.</summary>
    EnvEnd = 11,

    /// <summary>PR_SET_MM_AUXV: what <c>/proc/PID/auxv</c> shows.</summary>
    AuxiliaryVector = 12,
}
