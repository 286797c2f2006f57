using System.Globalization;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.Tlb;

/// <summary>A translation fault: why a batch stopped.</summary>
/// <param name="Address">The address that was accessed (FAR_ELx).</param>
/// <param name="Kind">What the access was to do.</param>
/// <param name="FaultStatus">The fault status code (DFSC or IFSC).</param>
/// <param name="Level">The level of the descriptor that faulted, -1..3.</param>
/// <param name="IsPrivileged">Whether the access came from EL1.</param>
/// <param name="FromTlb">Whether a TLB entry, not a walk, denied the access.</param>
public readonly record struct TranslationStop(
    VirtAddr Address, AccessKind Kind, byte FaultStatus, int Level, bool IsPrivileged, bool FromTlb)
{
    /// <summary>Whether stage 2 refused it: it goes to EL2, and <see cref="Level"/> is a level of stage 2.</summary>
    public bool IsStage2 { get; init; }

    /// <summary>Whether stage 2 refused the address of a stage 1 descriptor (ESR_EL2.S1PTW).</summary>
    public bool IsOnStage1Walk { get; init; }

    /// <summary>The intermediate address that stage 2 refused (HPFAR_EL2 holds its page).</summary>
    public ulong IntermediateAddress { get; init; }

    /// <summary>Permission faults are this value plus the level.</summary>
    public const byte PermissionFault = 0x0C;

    /// <summary>Access flag faults are this value plus the level.</summary>
    public const byte AccessFlagFault = 0x08;

    /// <summary>Translation faults are this value plus the level (level -1: 0x2B).</summary>
    public const byte TranslationFault = 0x04;

    /// <summary>Synchronous external aborts on a walk are this value plus the level (level -1: 0x13).</summary>
    public const byte ExternalAbortOnWalk = 0x14;

    /// <summary>Kind, address and code.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Kind} {Address}: fault status 0x{FaultStatus:x2}, level {Level}{(IsStage2 ? ", stage 2" : "")}");
}
