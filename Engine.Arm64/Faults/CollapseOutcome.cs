using Engine.Arm64.Processes;

namespace Engine.Arm64.Faults;

/// <summary>How collapsing 2 MiB ended.</summary>
/// <param name="Errno">What MADV_COLLAPSE fails with, if nothing later fails otherwise; none where a block maps them now (<c>madvise_collapse_errno</c>).</param>
/// <param name="EndsCall">Whether MADV_COLLAPSE gives up on what follows.</param>
internal readonly record struct CollapseOutcome(Errno Errno, bool EndsCall)
{
    /// <summary>A block maps them.</summary>
    public static CollapseOutcome Done => default;

    /// <summary>These could not be collapsed; the next may.</summary>
    public static CollapseOutcome GoOn(Errno errno) => new(errno, EndsCall: false);

    /// <summary>Nor will the next be tried.</summary>
    public static CollapseOutcome Stop(Errno errno) => new(errno, EndsCall: true);
}
