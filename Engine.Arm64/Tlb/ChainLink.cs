namespace Engine.Arm64.Tlb;

/// <summary>Where a used slot is in its chain.</summary>
internal struct ChainLink
{
    /// <summary>The number of its cell in the level's part of the index.</summary>
    public ushort Cell;

    /// <summary>The next slot of the chain.</summary>
    public ushort Next;
}
