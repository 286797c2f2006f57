namespace Engine.Bench.Harness;

/// <summary>What the runtime did during a phase, by its own account.</summary>
/// <param name="Name">The phase.</param>
/// <param name="Operations">How many operations were done in it.</param>
internal sealed record RuntimePhase(string Name, long Operations)
{
    /// <summary>Bytes that all threads allocated from the managed heap (exact).</summary>
    public long AllocatedBytes { get; init; }

    /// <summary>Allocation ticks of small objects: one for about each 100 KB of them.</summary>
    public int SmallTicks { get; set; }

    /// <summary>Allocation ticks of large objects: buffers of 85,000 bytes and more.</summary>
    public int LargeTicks { get; set; }

    /// <summary>Garbage collections that began.</summary>
    public int Collections { get; set; }

    /// <summary>Methods that were compiled.</summary>
    public int CompiledMethods { get; set; }

    /// <summary>Bytes sampled by type.</summary>
    public Dictionary<string, long> BytesByType { get; } = [];
}
