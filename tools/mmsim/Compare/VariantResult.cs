using Mmsim.Replay;

namespace Mmsim.Compare;

/// <summary>What the trace's replay on one variant showed.</summary>
internal sealed record VariantResult
{
    /// <summary>The machine.</summary>
    public required Variant Variant { get; init; }

    /// <summary>As <c>mmsim run</c> reports it.</summary>
    public required RunResult Run { get; init; }

    /// <summary>Cycles that translation added, by the core's costs.</summary>
    public required ulong Cycles { get; init; }

    /// <summary>Bytes of memory that the program took at the end: anonymous memory, page cache, page tables.</summary>
    public required ulong UsedBytes { get; init; }

    /// <summary>Of these, in pages that no record of the trace touches.</summary>
    public required ulong WastedBytes { get; init; }

    /// <summary>Misses of a TLB level, or null where the core has none of that name.</summary>
    public ulong? MissesOf(string level) => Run.Tlb.FirstOrDefault(seen => seen.Name == level)?.Misses;
}
