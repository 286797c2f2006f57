namespace Engine.Arm64.Kernel.Smmu;

/// <summary>What an SMMU does with a stream: STE.Config (Arm IHI 0070, 5.2).</summary>
public enum StreamConfig
{
    /// <summary>Every access is refused, and no event recorded.</summary>
    Abort = 0,

    /// <summary>Addresses are physical: the device reaches all memory.</summary>
    Bypass = 4,

    /// <summary>Stage 1 translates.</summary>
    Stage1 = 5,

    /// <summary>Stage 2 translates.</summary>
    Stage2 = 6,

    /// <summary>Stage 1, and stage 2 what it gives.</summary>
    Nested = 7,
}
