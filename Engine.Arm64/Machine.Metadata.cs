using Engine.Core.Arena;
using Engine.Core.Slab;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <content>What the kernel's own bookkeeping takes.</content>
public sealed partial class Machine
{
    /// <summary>Bytes that the kernel's bookkeeping takes now, by name: boot-time regions, slabs by cache, page tables.</summary>
    public IReadOnlyList<(string Name, ulong Bytes)> GetMetadata()
    {
        List<(string, ulong)> parts = [];
        foreach (MemoryRegion region in Layout.Regions)
        {
            parts.Add((region.Name, region.LengthBytes));
        }

        SlabSystem slabs = SlabSystem.Of(Pages);
        foreach (SlabCache cache in slabs.Caches)
        {
            parts.Add(($"slab {cache.Name}", (cache.SlabCount * cache.Geometry.SlabOrder.LengthBytes)));
        }

        parts.Add(("slab bookkeeping", slabs.BookkeepingBytes));
        ulong tables = processes.Select(process => process.Tables).Distinct().Aggregate(0UL, (sum, tree) => sum + (ulong)tree.PageTablePages);
        parts.Add(("page tables", tables << Pfn.PageShift));
        return parts;
    }
}
