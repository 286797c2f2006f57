namespace Engine.Arm64.Kernel.Dma;

/// <summary>How a device is kept from memory that was not given to it (<c>iommu_def_domain_type</c>).</summary>
public enum DmaProtection
{
    /// <summary>No SMMU on its way, or one that lets it through: it reaches all memory.</summary>
    Bypass,

    /// <summary>Stage 1 of the SMMU: what Linux uses for its own devices.</summary>
    Stage1,

    /// <summary>Stage 2 of the SMMU: what a hypervisor uses for a guest's devices.</summary>
    Stage2,

    /// <summary>The SMMU refuses everything.</summary>
    Blocked,
}
