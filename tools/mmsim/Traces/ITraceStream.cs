using Mmsim.Traces.Pages;

namespace Mmsim.Traces;

/// <summary>A trace read once, from its first record to its last, without keeping it.</summary>
public interface ITraceStream : IAccessSource
{
    /// <summary>Which pages the trace touches. Ends reading; before the end of the trace it may tell only of what was handed out.</summary>
    public PageUse CombinePages();
}
