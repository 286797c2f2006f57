using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel;

/// <summary>What vmalloc needs from the kernel's page tables (<c>vmap_range_noflush</c>, <c>vunmap_range_noflush</c>, <c>flush_tlb_kernel_range</c>).</summary>
public interface IVmallocMapper
{
    /// <summary>Maps a range of addresses to physical memory that is contiguous.</summary>
    /// <param name="cpu">The CPU that acts; page-table pages come from it.</param>
    /// <param name="address">First address; a multiple of 2^<paramref name="shift"/>.</param>
    /// <param name="physical">First physical address.</param>
    /// <param name="lengthBytes">A multiple of 2^<paramref name="shift"/>.</param>
    /// <param name="shift">log2 of the mapping size in bytes: 12 pages, 16 a contiguous run, 21 a block.</param>
    /// <param name="isDevice">Whether the memory is a device's (nGnRE).</param>
    /// <returns>False where there was no memory for page tables; what was mapped of the range is unmapped by the caller.</returns>
    public bool TryMap(CpuId cpu, VirtAddr address, PhysAddr physical, ulong lengthBytes, int shift, bool isDevice);

    /// <summary>Clears a range's descriptors, without a TLB flush; parts that are not mapped are skipped.</summary>
    public void Unmap(CpuId cpu, VirtAddr address, ulong lengthBytes);

    /// <summary>Removes a range from all CPUs' TLBs.</summary>
    public void Flush(CpuId cpu, VirtAddr start, VirtAddr end);
}
