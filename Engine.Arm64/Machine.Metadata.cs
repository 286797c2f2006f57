using Engine.Core.Arena;
using Engine.Core.Slab;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <content>What the kernel's own bookkeeping takes.</content>
public sealed partial class Machine
{
    /// <summary>
    /// Bytes that the kernel's bookkeeping takes now, by name: boot-time regions, slabs by cache, page tables of processes, of the kernel
    /// and of devices. The kernel's image is no bookkeeping. What vmalloc keeps of its areas is in slabs (<see cref="Kernel.Vmalloc.BookkeepingBytes"/>).
    /// </summary>
    public IReadOnlyList<(string Name, ulong Bytes)> GetMetadata()
    {
        List<(string, ulong)> parts = [];
        foreach (MemoryRegion region in Layout.Regions.Where(region => !Kernel.HasMap || !Kernel.Map.Image.Holds(region)))
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
        AddWhere(parts, "kernel page tables", Kernel.HasMap ? Kernel.Map.TableBytes : 0);
        AddWhere(parts, "device page tables", Kernel.Dma.Devices.Aggregate(0UL, (sum, device) => sum + device.TableBytes));
        AddWhere(parts, "smmu", Kernel.Smmu?.TableBytes ?? 0);
        return parts;
    }

    /// <summary>The same in few words: what grows with memory, and what with its use.</summary>
    public MetadataSummary SummarizeMetadata()
    {
        IReadOnlyList<(string Name, ulong Bytes)> parts = GetMetadata();
        ulong Sum(Func<string, bool> isWanted) => parts.Where(part => isWanted(part.Name)).Aggregate(0UL, (sum, part) => sum + part.Bytes);
        return new MetadataSummary
        {
            TotalBytes = Sum(_ => true),
            FrameTableBytes = Sum(name => name is "frame table" or "frame states"),
            BitmapBytes = Pages.BitmapBytes,
            UserTableBytes = Sum(name => name == "page tables"),
            KernelTableBytes = Sum(name => name is "kernel page tables" or "device page tables"),
            SlabBytes = Sum(name => name.StartsWith("slab ", StringComparison.Ordinal)),
            VmallocBytes = Kernel.HasMap ? Kernel.Vmalloc.BookkeepingBytes : 0,
        };
    }

    private static void AddWhere(List<(string, ulong)> parts, string name, ulong bytes)
    {
        if (bytes != 0)
        {
            parts.Add((name, bytes));
        }
    }
}
