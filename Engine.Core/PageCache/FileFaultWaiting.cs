namespace Engine.Core.PageCache;

/// <summary>How a fault waits for input (<c>FAULT_FLAG_ALLOW_RETRY</c>), and so what is still on its way when it looks around itself.</summary>
public enum FileFaultWaiting
{
    /// <summary>It waits where it is: all input is there when it returns.</summary>
    InPlace,

    /// <summary>It gives up its lock and is taken again. Whoever takes it calls <see cref="FileMapping.CompleteInput"/> when it is through.</summary>
    Retry,

    /// <summary>As <see cref="Retry"/>, and more faults follow at once: what readahead started stays on its way until one of them needs it, or the last is through.</summary>
    RetryInSeries,
}
