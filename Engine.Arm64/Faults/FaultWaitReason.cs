namespace Engine.Arm64.Faults;

/// <summary>What a blocked fault waits for.</summary>
public enum FaultWaitReason
{
    /// <summary>Nothing: no fault is blocked.</summary>
    None,

    /// <summary>A page that is read from its file or from swap space.</summary>
    Input,

    /// <summary>Free memory.</summary>
    Memory,
}
