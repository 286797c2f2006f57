using Engine.Arm64.Translation;

namespace Mmsim.Traces.Pages;

/// <summary>When a page was first used in each way, as <see cref="PageUseCounter"/> stamps it; <see cref="PageUseEntry.Never"/> where it was not.</summary>
/// <param name="Fetch">The first fetch.</param>
/// <param name="Read">The first read.</param>
/// <param name="Write">The first write.</param>
internal readonly record struct PageUseStamps(long Fetch, long Read, long Write)
{
    /// <summary>A page that has not been used.</summary>
    public static PageUseStamps Unused => new(PageUseEntry.Never, PageUseEntry.Never, PageUseEntry.Never);

    /// <summary>A use at one time.</summary>
    public static PageUseStamps Of(AccessKind kind, long stamp) => new(
        kind == AccessKind.Fetch ? stamp : PageUseEntry.Never,
        kind is AccessKind.Load or AccessKind.Modify ? stamp : PageUseEntry.Never,
        kind is AccessKind.Store or AccessKind.Modify ? stamp : PageUseEntry.Never);

    /// <summary>The earlier of two, for each way.</summary>
    public static PageUseStamps Earliest(PageUseStamps left, PageUseStamps right) =>
        new(Math.Min(left.Fetch, right.Fetch), Math.Min(left.Read, right.Read), Math.Min(left.Write, right.Write));
}
