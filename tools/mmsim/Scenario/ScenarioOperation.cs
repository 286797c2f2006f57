using Engine.Arm64.Processes;

namespace Mmsim.Scenario;

/// <summary>One line of a scenario, checked. Which of the values mean something depends on <see cref="Kind"/>; offsets and lengths are pages.</summary>
internal sealed record ScenarioOperation
{
    /// <summary>The script's line, from 1.</summary>
    public required int Line { get; init; }

    /// <summary>The operation's word, as it is printed.</summary>
    public required string Word { get; init; }

    /// <summary>What to do.</summary>
    public required ScenarioOperationKind Kind { get; init; }

    /// <summary>The process that acts; null for an operation on a file.</summary>
    public string? Process { get; init; }

    /// <summary>The region, file, new process or setting.</summary>
    public string Name { get; init; } = "";

    /// <summary>For <c>mmapat</c>, <c>mmapnr</c>, <c>mremap</c>: the other region, or the new region's name; empty where there is none. For <c>thpset</c>: the value.</summary>
    public string Other { get; init; } = "";

    /// <summary>Pages from the region's address, or from the file's start.</summary>
    public long Offset { get; init; }

    /// <summary>Pages from <see cref="Other"/>.</summary>
    public long OtherOffset { get; init; }

    /// <summary>Pages.</summary>
    public long Count { get; init; }

    /// <summary>mremap's new length in pages.</summary>
    public long NewCount { get; init; }

    /// <summary>The byte to write.</summary>
    public byte Value { get; init; }

    /// <summary>The protection.</summary>
    public MemoryProtection Protection { get; init; }

    /// <summary>mmap's flags but for its place.</summary>
    public MapFlags MapFlags { get; init; }

    /// <summary>mremap's flags.</summary>
    public RemapFlags RemapFlags { get; init; }

    /// <summary>madvise's advice.</summary>
    public MemoryAdvice Advice { get; init; }

    /// <summary>The mapped file; empty for anonymous memory.</summary>
    public string File { get; init; } = "";

    /// <summary>The first page of the mapped file.</summary>
    public long FileOffset { get; init; }

    /// <summary>For a file: shmem. For <c>thp</c>: on.</summary>
    public bool IsSet { get; init; }

    /// <summary>For a file: mapped through a read-only description.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>The processes of <c>frames</c>.</summary>
    public IReadOnlyList<string> Processes { get; init; } = [];
}
