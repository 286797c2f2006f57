namespace Engine.Arm64.Kernel.Smmu;

/// <summary>Event types that an SMMU records (Arm IHI 0070, 7.3).</summary>
public enum SmmuEventType
{
    /// <summary>The stream's number is beyond the table.</summary>
    CBadStreamId = 0x02,

    /// <summary>The stream's entry could not be read.</summary>
    FSteFetch = 0x03,

    /// <summary>The stream's entry is invalid.</summary>
    CBadSte = 0x04,

    /// <summary>The context descriptor could not be read.</summary>
    FCdFetch = 0x09,

    /// <summary>The context descriptor is invalid.</summary>
    CBadCd = 0x0a,

    /// <summary>A descriptor of a translation table could not be read.</summary>
    FWalkEabt = 0x0b,

    /// <summary>Nothing is mapped at the address.</summary>
    FTranslation = 0x10,

    /// <summary>An address is wider than the configuration allows.</summary>
    FAddrSize = 0x11,

    /// <summary>The access flag is clear.</summary>
    FAccess = 0x12,

    /// <summary>The mapping does not allow the access.</summary>
    FPermission = 0x13,
}
