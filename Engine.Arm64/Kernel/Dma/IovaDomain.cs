// I/O virtual addresses (drivers/iommu/iova.c): the highest range that fits is taken, aligned to its size, which is rounded up to a power
// of two. Linux rounds only short ones, and keeps freed ones in per-CPU caches first; here a freed range is free at once.
//
// Ranges lie in the arena, in the tree that vmalloc uses. That one finds the lowest address, so addresses are mirrored at the top.

using Engine.Core.Diagnostics;
using Engine.Core.Slab;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel.Dma;

/// <summary>The addresses of one device.</summary>
internal sealed class IovaDomain
{
    private const ulong MirrorBase = 1UL << 56;
    private const ulong LowestAddress = Pfn.PageSizeBytes;
    private const int RootBytes = 16;

    private readonly CorruptionLog log;
    private readonly VmapTree free;
    private readonly VmapTree busy;
    private readonly ulong end;

    public IovaDomain(SlabSystem slabs, SlabCache cache, int addressBits)
    {
        log = slabs.Log;
        end = 1UL << addressBits;
        if (!slabs.Kmalloc.TryAllocate(new CpuId(0), RootBytes, GfpFlags.Kernel | GfpFlags.Zero, out PhysAddr roots))
        {
            throw NoMemory();
        }

        free = new VmapTree(slabs, cache, roots);
        busy = new VmapTree(slabs, cache, roots + sizeof(ulong));
        if (!free.TryNew(new CpuId(0), MirrorBase, MirrorBase + end - LowestAddress, GfpFlags.Kernel, out ulong whole))
        {
            throw NoMemory();
        }

        free.Insert(whole);
    }

    /// <summary>Takes addresses (<c>alloc_iova_fast</c>).</summary>
    public bool TryAllocate(CpuId cpu, ulong lengthBytes, out ulong address)
    {
        ulong length = System.Numerics.BitOperations.RoundUpToPowerOf2(Math.Max(lengthBytes, Pfn.PageSizeBytes));
        address = 0;
        ulong found = length > end ? 0 : free.FindLowest(length, length);
        if (found == 0)
        {
            return false;
        }

        ulong taken = VmapTree.Fit(free.At(found), length, length);
        if (taken < MirrorBase || taken > MirrorBase + end - LowestAddress - length)
        {
            log.Report(new Corruption(CorruptionCategory.Dma, "free I/O addresses", new PhysAddr(found), MirrorBase, taken));
            return false;
        }

        if (!free.TryTake(cpu, found, taken, length, GfpFlags.Atomic, out ulong range))
        {
            return false;
        }

        busy.Insert(range);
        address = Mirror(taken + length);
        return true;
    }

    /// <summary>Gives addresses back (<c>free_iova_fast</c>).</summary>
    public bool TryFree(CpuId cpu, ulong address)
    {
        // The last byte of the mirrored range is the first page's.
        ulong range = busy.Find(MirrorBase + end - address - 1);
        if (range == 0 || Mirror(busy.At(range).End) != address)
        {
            return false;
        }

        busy.Remove(range);
        free.Merge(cpu, range);
        return true;
    }

    private ulong Mirror(ulong mirroredEnd) => end - (mirroredEnd - MirrorBase);

    private static InsufficientMemoryException NoMemory() => new("no memory for a device's addresses");
}
