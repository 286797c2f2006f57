namespace Engine.Arm64.Translation;

/// <summary>What kind of fault ended a translation.</summary>
public enum FaultKind : byte
{
    /// <summary>No fault.</summary>
    None,

    /// <summary>An output or table address is wider than the configured physical address.</summary>
    AddressSize,

    /// <summary>No valid descriptor, or an input address out of range.</summary>
    Translation,

    /// <summary>The access flag is clear and software manages it.</summary>
    AccessFlag,

    /// <summary>The access is not permitted.</summary>
    Permission,

    /// <summary>A descriptor could not be read: no memory there (synchronous external abort on a table walk).</summary>
    ExternalAbort,

    /// <summary>Two TLB entries match.</summary>
    TlbConflict,

    /// <summary>A descriptor could not be updated by the hardware (memory that takes no atomic update).</summary>
    UnsupportedAtomicUpdate,
}
