using Engine.Arm64.PageTables;
using Engine.Arm64.Tlb;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel.Map;

/// <summary>vmalloc's mappings in the kernel's page tables (<c>vmap_pages_range</c>, <c>vmap_range_noflush</c>, <c>vunmap_range_noflush</c>, <c>flush_tlb_kernel_range</c>).</summary>
internal sealed class VmallocMapper(PageTable tables, LinuxTlbFlush flush) : IVmallocMapper
{
    private const int BlockShift = 21;

    public bool TryMap(CpuId cpu, VirtAddr address, PhysAddr physical, ulong lengthBytes, int shift, bool isDevice)
    {
        MapShapes shapes = isDevice || shift >= BlockShift ? MapShapes.Blocks : shift > Pfn.PageShift ? MapShapes.ContiguousRuns : MapShapes.Pages;
        if ((shapes & MapShapes.Blocks) != 0 && lengthBytes >= 1UL << BlockShift)
        {
            FreeEmptyTables(cpu, address, lengthBytes);
        }

        PageAttributes attributes = isDevice ? KernelAttributes.Device : PageAttributes.Kernel;
        return tables.MapRange(cpu, address, physical, lengthBytes, attributes, shapes) == lengthBytes;
    }

    public void Unmap(CpuId cpu, VirtAddr address, ulong lengthBytes) => tables.TryUnmap(cpu, address, lengthBytes);

    public void Flush(CpuId cpu, VirtAddr start, VirtAddr end) => flush.FlushKernelRange(cpu.Value, start, end);

    // pmd_free_pte_page(): tables stay when an area goes; where a block is to come, an empty one must go, and walk caches forget it.
    private void FreeEmptyTables(CpuId cpu, VirtAddr address, ulong lengthBytes)
    {
        if (tables.FreeTables(cpu, address, lengthBytes, address, address + lengthBytes) == 0)
        {
            return;
        }

        for (ulong offset = 0; offset < lengthBytes; offset += 1UL << BlockShift)
        {
            flush.FlushKernelTable(cpu.Value, address + offset);
        }
    }
}
