using Engine.Arm64.Faults;
using Mmsim.Traces;
using Mmsim.Traces.Pages;

namespace Mmsim.Replay;

/// <summary>What a replay showed.</summary>
internal sealed record RunResult
{
    /// <summary>The trace's name.</summary>
    public required string Trace { get; init; }

    /// <summary>The machine in words: memory, CPUs.</summary>
    public required string Machine { get; init; }

    /// <summary>Records by kind that were replayed.</summary>
    public required RecordCounts Records { get; init; }

    /// <summary>Records in the trace.</summary>
    public required long RecordsInTrace { get; init; }

    /// <summary>Why the replay ended before the trace did, or null.</summary>
    public string? EndedBecause { get; init; }

    /// <summary>System calls.</summary>
    public required SyscallCounts Syscalls { get; init; }

    /// <summary>Distinct pages of the whole trace.</summary>
    public required PageUse Pages { get; init; }

    /// <summary>What was mapped before the first record.</summary>
    public required IReadOnlyList<InitialRange> Initial { get; init; }

    /// <summary>Faults.</summary>
    public required FaultCounters Faults { get; init; }

    /// <summary>The TLB, level by level.</summary>
    public required IReadOnlyList<TlbLevelResult> Tlb { get; init; }

    /// <summary>Table walks, those that ended in a fault among them.</summary>
    public required ulong Walks { get; init; }

    /// <summary>Descriptors that the walks read.</summary>
    public required ulong DescriptorReads { get; init; }

    /// <summary>Memory at the end.</summary>
    public required MemoryResult Memory { get; init; }

    /// <summary>Inconsistencies found in the arena.</summary>
    public required long Corruptions { get; init; }

    /// <summary>Host seconds that reading and replaying took.</summary>
    public required double Seconds { get; init; }

    /// <summary>Million records a second.</summary>
    public double MillionRecordsPerSecond => Seconds > 0 ? Records.Total / Seconds / 1e6 : 0;
}
