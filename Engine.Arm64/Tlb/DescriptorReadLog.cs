namespace Engine.Arm64.Tlb;

/// <summary>The descriptors that one walk has read, of both stages, in order.</summary>
internal sealed class DescriptorReadLog
{
    private readonly List<(ulong Address, int Level, bool IsStage2)> reads = [];

    /// <summary>Address, level and stage of each read.</summary>
    public IReadOnlyList<(ulong Address, int Level, bool IsStage2)> Reads => reads;

    /// <summary>Adds a read.</summary>
    public void Add(ulong address, int level, bool isStage2) => reads.Add((address, level, isStage2));

    /// <summary>Begins a walk.</summary>
    public void Clear() => reads.Clear();
}
