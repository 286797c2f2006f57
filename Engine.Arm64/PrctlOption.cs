namespace Engine.Arm64;

/// <summary>What prctl does (<c>PR_*</c>, include/uapi/linux/prctl.h), as far as memory is concerned.</summary>
public enum PrctlOption
{
    /// <summary>PR_SET_MM: sets a bound that <c>/proc</c> shows; argument 2 is a <see cref="PrctlMemoryField"/>.</summary>
    SetMemory = 35,

    /// <summary>PR_SET_THP_DISABLE: turns huge pages off, or on again.</summary>
    SetThpDisable = 41,

    /// <summary>PR_GET_THP_DISABLE.</summary>
    GetThpDisable = 42,

    /// <summary>PR_SET_VMA: argument 2 is 0, PR_SET_VMA_ANON_NAME.</summary>
    SetArea = 0x53564d41,
}
