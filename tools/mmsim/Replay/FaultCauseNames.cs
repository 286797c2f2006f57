using Engine.Arm64.Faults;

namespace Mmsim.Replay;

/// <summary>The causes of faults by their names in the JSON report.</summary>
internal static class FaultCauseNames
{
    /// <summary>All causes, in the order in which they are reported.</summary>
    public static readonly IReadOnlyList<(FaultCause Cause, string Name)> All =
    [
        (FaultCause.ZeroFill, "zero_fill"),
        (FaultCause.ZeroPage, "zero_page"),
        (FaultCause.File, "file"),
        (FaultCause.FileShared, "file_shared"),
        (FaultCause.FileCow, "file_cow"),
        (FaultCause.Cow, "cow"),
        (FaultCause.Reuse, "reuse"),
        (FaultCause.AccessFlags, "access_flags"),
        (FaultCause.Swap, "swap"),
    ];
}
