namespace Engine.Arm64.Tlb;

/// <summary>What <see cref="AssociativeEntries"/> knows by page number.</summary>
internal struct IndexCell
{
    /// <summary>The slot to look in first.</summary>
    public ushort Hint;

    /// <summary>The first slot of the chain.</summary>
    public ushort First;
}
