using Engine.Core.Arena;
using Engine.Core.Units;

namespace Engine.Core.Buddy;

/// <summary>The pageblocks' entries and free maps in the arena, shared by all zones and indexed by absolute pageblock number.</summary>
internal sealed unsafe class PageBlockTable
{
    /// <summary>Carves the tables for all pageblocks from the first bank to the last. They are not touched: zero means nothing free.</summary>
    public PageBlockTable(PhysicalMemory memory, MemoryLayout layout)
    {
        First = (int)(memory.Start.Pfn.Value >> Order.PageBlockValue) & ~1;
        uint lastPfn = (uint)((memory.End.ToUInt64() - 1) >> Pfn.PageShift);
        Count = ((int)(lastPfn >> Order.PageBlockValue) | 1) + 1 - First;
        BlocksRegion = layout.Reserve("pageblock table", (ulong)Count * PageBlock.SizeBytes);
        MapsRegion = layout.Reserve("free maps", (ulong)Count * FreeWord.PerPageBlock * sizeof(ulong));
        Blocks = (PageBlock*)(memory.Bias + BlocksRegion.Start.Value) - First;
        Maps = (ulong*)(memory.Bias + MapsRegion.Start.Value) - ((long)First * FreeWord.PerPageBlock);
    }

    /// <summary>Absolute number of the first pageblock; even.</summary>
    public int First { get; }

    /// <summary>Pageblocks; even.</summary>
    public int Count { get; }

    /// <summary>Where the entries lie.</summary>
    public MemoryRegion BlocksRegion { get; }

    /// <summary>Where the free maps lie.</summary>
    public MemoryRegion MapsRegion { get; }

    /// <summary>The entries, biased so that an absolute pageblock number indexes them.</summary>
    public PageBlock* Blocks { get; }

    /// <summary>The maps, biased likewise: eight words a pageblock.</summary>
    public ulong* Maps { get; }
}
