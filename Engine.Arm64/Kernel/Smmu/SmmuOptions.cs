using Engine.Arm64.Tlb;

namespace Engine.Arm64.Kernel.Smmu;

/// <summary>The SMMU to build in.</summary>
public sealed record SmmuOptions
{
    /// <summary>log2 of the streams that the table has entries for, 0 to 16.</summary>
    public int StreamBits { get; init; } = 8;

    /// <summary>log2 of the records that the event queue holds, 0 to 15.</summary>
    public int EventQueueBits { get; init; } = 7;

    /// <summary>Its TLB; some level must serve data, and some level fetches. No manual says which sizes are typical.</summary>
    public TlbGeometry Tlb { get; init; } = TlbSpec.TryParse("l1=64:full,l2=512:4", out TlbGeometry? geometry, out _, out _) ? geometry : TlbGeometry.Default;

    /// <summary>What a stream finds that no driver has configured: false records C_BAD_STE, true lets it through (<c>arm-smmu-v3.disable_bypass=0</c>).</summary>
    public bool BypassesUnknownStreams { get; init; }

    /// <summary>Whether unmapping invalidates the TLB at once (<c>iommu.strict</c>); otherwise unmapped pages stay within reach until the flush queue is emptied.</summary>
    public bool IsStrict { get; init; } = true;
}
