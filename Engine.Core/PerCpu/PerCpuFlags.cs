namespace Engine.Core.PerCpu;

/// <summary>Flags of a CPU's lists (mm/page_alloc.c: <c>PCPF_…</c>).</summary>
[Flags]
internal enum PerCpuFlags
{
    /// <summary>None is set.</summary>
    None = 0,

    /// <summary>The last free was of order 1..3 (<c>PCPF_PREV_FREE_HIGH_ORDER</c>).</summary>
    PreviousFreeHighOrder = 1,

    /// <summary>The CPU's data cache holds more than three batches, so that freed high orders may stay a while (<c>PCPF_FREE_HIGH_BATCH</c>).</summary>
    FreeHighBatch = 2,
}
