namespace Engine.Core.Diagnostics.Procfs;

/// <summary>One CPU's page lists of one zone in a recorded <c>/proc/zoneinfo</c>, in pages.</summary>
public sealed record RecordedPerCpu
{
    /// <summary>The CPU's number.</summary>
    public required int Cpu { get; init; }

    /// <summary>Pages on the lists.</summary>
    public ulong Count { get; set; }

    /// <summary>The limit.</summary>
    public ulong High { get; set; }

    /// <summary>Pages moved at a time.</summary>
    public ulong Batch { get; set; }

    /// <summary>The least that the limit is tuned down to; null where the kernel does not print it (before 6.12).</summary>
    public ulong? HighMin { get; set; }

    /// <summary>The most that the limit is tuned up to; null where the kernel does not print it.</summary>
    public ulong? HighMax { get; set; }

    /// <summary><c>vm stats threshold</c>.</summary>
    public ulong StatThreshold { get; set; }
}
