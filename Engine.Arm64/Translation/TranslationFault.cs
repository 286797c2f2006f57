using System.Globalization;

namespace Engine.Arm64.Translation;

/// <summary>A fault as ESR_ELx reports it: kind, level and stage.</summary>
/// <param name="Kind">What kind.</param>
/// <param name="Level">Level of the walk, -1..3.</param>
/// <param name="IsStage2">Stage 2 faulted.</param>
/// <param name="IsOnStage1Walk">Stage 2 faulted on the address of a stage 1 descriptor (ESR_ELx.S1PTW).</param>
public readonly record struct TranslationFault(FaultKind Kind, sbyte Level, bool IsStage2 = false, bool IsOnStage1Walk = false)
{
    /// <summary>No fault.</summary>
    public static readonly TranslationFault None;

    /// <summary>The six bits of DFSC, IFSC and PAR_EL1.FST (Arm DDI 0487, D24.2.40, ISS encoding for data aborts).</summary>
    /// <exception cref="InvalidOperationException">There is no fault.</exception>
    public int StatusCode => Kind switch
    {
        FaultKind.AddressSize => Level < 0 ? 0x29 : 0x00 + Level,
        FaultKind.Translation => Level < 0 ? 0x2B : 0x04 + Level,
        FaultKind.AccessFlag => 0x08 + Level,
        FaultKind.Permission => 0x0C + Level,
        FaultKind.ExternalAbort => Level < 0 ? 0x13 : 0x14 + Level,
        FaultKind.TlbConflict => 0x30,
        FaultKind.UnsupportedAtomicUpdate => 0x31,
        _ => throw new InvalidOperationException("a translation that succeeded has no fault status"),
    };

    /// <summary>The kind in lower case with underscores, as the command line prints it: <c>access_flag</c>; <c>ok</c> for none.</summary>
    public string Name => Kind switch
    {
        FaultKind.None => "ok",
        FaultKind.AddressSize => "address_size",
        FaultKind.Translation => "translation",
        FaultKind.AccessFlag => "access_flag",
        FaultKind.Permission => "permission",
        FaultKind.ExternalAbort => "external_abort",
        FaultKind.TlbConflict => "tlb_conflict",
        _ => "unsupported_atomic",
    };

    /// <summary>Kind, level and code: <c>translation, level 2 (0x06)</c>.</summary>
    public override string ToString() => Kind == FaultKind.None
        ? "ok"
        : string.Create(CultureInfo.InvariantCulture, $"{Name}, level {Level}{(IsStage2 ? ", stage 2" : "")} (0x{StatusCode:x2})");
}
