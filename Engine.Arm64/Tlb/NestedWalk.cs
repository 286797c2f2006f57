namespace Engine.Arm64.Tlb;

/// <summary>What a translation unit and a walker with two stages tell each other about stage 2.</summary>
internal sealed class NestedWalk
{
    /// <summary>Stage 2 translations that are known; null where the core has no such cache.</summary>
    public IpaCache? Ipas { get; init; }

    /// <summary>Gets every descriptor read of the latest walk; null where nobody asks.</summary>
    public DescriptorReadLog? Log { get; init; }

    /// <summary>Stage 2's descriptors read so far, by level: index level + 1.</summary>
    public ulong[] ReadsByLevel { get; } = new ulong[WalkResult.LevelCount];

    /// <summary>log2 of the bytes that both stages of the latest walk map as one.</summary>
    public int SizeLog2 { get; set; }

    /// <summary>Whether stage 2 ended the latest walk.</summary>
    public bool IsFault { get; set; }

    /// <summary>Whether it did so on the address of a stage 1 descriptor.</summary>
    public bool IsOnStage1Walk { get; set; }

    /// <summary>The level of stage 2's fault.</summary>
    public int FaultLevel { get; set; }

    /// <summary>The intermediate address that stage 2 did not translate.</summary>
    public ulong IntermediateAddress { get; set; }
}
