namespace Engine.Arm64.Kernel.Smmu;

/// <summary>What an SMMU was about to reach when it recorded an event: CLASS (Arm IHI 0070, 7.3).</summary>
public enum SmmuEventClass
{
    /// <summary>The context descriptor (<c>CD</c>).</summary>
    ContextDescriptor = 0,

    /// <summary>A descriptor of stage 1's tables (<c>TTD</c>).</summary>
    TableDescriptor = 1,

    /// <summary>What the device's address leads to (<c>IN</c>).</summary>
    Input = 2,
}
