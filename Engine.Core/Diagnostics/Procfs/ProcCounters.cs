namespace Engine.Core.Diagnostics.Procfs;

/// <summary>
/// Counters by the names that Linux prints. Whoever keeps a counter registers it here; a counter that nobody keeps is zero.
/// Items of <c>/proc/vmstat</c> are in the item's own unit (pages; <c>nr_kernel_stack</c> in kB; huge-page items in pages, which
/// the files print as huge pages); items that only <c>/proc/meminfo</c> has go by their label there, in kB (<c>VmallocUsed</c>),
/// or as a count (<c>HugePages_Total</c>).
/// </summary>
public sealed class ProcCounters
{
    private readonly Dictionary<string, Func<ProcScope, ulong>> sources = new(StringComparer.Ordinal);

    /// <summary>Registers a counter; a later registration replaces an earlier one.</summary>
    /// <param name="item">The name in <c>vmstat</c>, or the label in <c>meminfo</c>.</param>
    /// <param name="source">Its value for a zone, a node or the machine.</param>
    public void Register(string item, Func<ProcScope, ulong> source) => sources[item] = source;

    /// <summary>Registers a counter of the whole machine.</summary>
    public void Register(string item, Func<ulong> source) => sources[item] = _ => source();

    /// <summary>A counter's value now.</summary>
    public ulong Read(string item, ProcScope scope = default) =>
        sources.TryGetValue(item, out Func<ProcScope, ulong>? source) ? source(scope) : 0;
}
