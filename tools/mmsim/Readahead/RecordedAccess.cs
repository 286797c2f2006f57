namespace Mmsim.Readahead;

/// <summary>One access of a recording.</summary>
/// <param name="Pattern">Name of the run it belongs to.</param>
/// <param name="Number">Its number in the run, as recorded.</param>
/// <param name="Kind">How the page was accessed.</param>
/// <param name="PageIndex">First page, in pages of 4,096 bytes.</param>
/// <param name="Line">Line of the recording it stands in, 1-based.</param>
public sealed record RecordedAccess(string Pattern, long Number, AccessMethod Kind, ulong PageIndex, long Line)
{
    /// <summary>The folios that the recording says came in; empty where it has no such columns.</summary>
    public List<AddedFolio> Recorded { get; } = [];
}
