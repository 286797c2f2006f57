namespace Engine.PropertyTests.PageCache;

/// <summary>What a <see cref="FaultyBacking"/> does wrong.</summary>
public enum BackingBug
{
    None,
    WrongPageIsRead,
    WriteIsLost,
    TailSurvivesTruncation,
    HoleIsNotPunched,
}
