namespace Mmsim.Kmem;

/// <summary>One parsed event. Which fields are set depends on <see cref="Kind"/>; the others are zero.</summary>
internal struct KmemEvent
{
    /// <summary>What happened.</summary>
    public KmemEventKind Kind;

    /// <summary>The block's order, 0..10 (of an extfrag event: the order asked for).</summary>
    public byte Order;

    /// <summary>The migrate type by Linux's number, 0..5 (of an extfrag event: the type asked for).</summary>
    public byte MigrateType;

    /// <summary>Of a zone-locked event: whether the block went to a per-CPU list.</summary>
    public bool IsRefill;

    /// <summary>Of an extfrag event: the order of the block found.</summary>
    public byte FallbackOrder;

    /// <summary>Of an extfrag event: the type that the block was taken from.</summary>
    public byte FallbackType;

    /// <summary>Of an extfrag event: whether the pageblock changed its type.</summary>
    public bool IsOwnershipChange;

    /// <summary>The CPU that acted.</summary>
    public ushort Cpu;

    /// <summary>Index of the allocation's flags in <see cref="GfpTable"/>.</summary>
    public ushort Gfp;

    /// <summary>The block's first frame.</summary>
    public uint Pfn;

    /// <summary>The trace's clock in microseconds, or in the clock's own unit where it counts something else.</summary>
    public ulong Time;
}
