namespace Mmsim.Kmem;

/// <summary>A number for each frame of a real machine, zero at first: a table in two levels, of which only what is used exists.</summary>
internal sealed class PageMap
{
    private const int LeafShift = 14;
    private const uint LeafMask = (1u << LeafShift) - 1;

    private readonly uint[]?[] leaves = new uint[]?[1 << (32 - LeafShift)];

    /// <summary>The number of a frame.</summary>
    public uint this[uint pfn]
    {
        get => leaves[pfn >> LeafShift] is { } leaf ? leaf[pfn & LeafMask] : 0;
        set => (leaves[pfn >> LeafShift] ??= new uint[1 << LeafShift])[pfn & LeafMask] = value;
    }

    /// <summary>Sets the numbers of neighbouring frames, at most a leaf's worth.</summary>
    public void Fill(uint pfn, uint count, uint value)
    {
        for (uint i = 0; i < count; i++)
        {
            this[unchecked(pfn + i)] = value;
        }
    }
}
