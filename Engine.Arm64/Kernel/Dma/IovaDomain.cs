// I/O virtual addresses (drivers/iommu/iova.c): the highest range that fits is taken, aligned to its size, which is rounded up to a power
// of two. Linux rounds only short ones, and keeps freed ones in per-CPU caches first; here a freed range is free at once.
//
// Ranges lie in the arena, in the tree that vmalloc uses. That one finds the lowest address, so addresses are mirrored at the top.

using Engine.Core.Slab;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel.Dma;

/// <summary>The addresses of one device.</summary>
internal sealed class IovaDomain
{
    private const ulong MirrorBase = 1UL << 56;
    private const ulong LowestAddress = Pfn.PageSizeBytes;
    private const int RootBytes = 16;

    private readonly SlabSystem slabs;
    private readonly SlabCache cache;
    private readonly VmapTree free;
    private readonly VmapTree busy;
    private readonly ulong end;

    public IovaDomain(SlabSystem slabs, SlabCache cache, int addressBits)
    {
        (this.slabs, this.cache, end) = (slabs, cache, 1UL << addressBits);
        if (!slabs.Kmalloc.TryAllocate(new CpuId(0), RootBytes, GfpFlags.Kernel | GfpFlags.Zero, out PhysAddr roots)
            || !TryNew(new CpuId(0), MirrorBase, MirrorBase + end - LowestAddress, out ulong whole))
        {
            throw new InsufficientMemoryException("no memory for a device's addresses");
        }

        free = new VmapTree(slabs, cache, roots);
        busy = new VmapTree(slabs, cache, roots + sizeof(ulong));
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
        (ulong first, ulong last) = (free.At(found).Start, free.At(found).End);
        ulong above = 0;
        if (!TryNew(cpu, taken, taken + length, out ulong range) || (taken + length < last && taken > first && !TryNew(cpu, taken + length, last, out above)))
        {
            Delete(cpu, range);
            return false;
        }

        free.Remove(found);
        if (taken > first || taken + length < last)
        {
            free.At(found).Start = taken > first ? first : taken + length;
            free.At(found).End = taken > first ? taken : last;
            free.Insert(found);
            if (above != 0)
            {
                free.Insert(above);
            }
        }
        else
        {
            Delete(cpu, found);
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
        ulong below = free.FindBefore(free.At(range).Start);
        if (below != 0 && free.At(below).End == free.At(range).Start)
        {
            free.Remove(below);
            free.At(range).Start = free.At(below).Start;
            Delete(cpu, below);
        }

        ulong above = free.Find(free.At(range).End);
        if (above != 0)
        {
            free.Remove(above);
            free.At(range).End = free.At(above).End;
            Delete(cpu, above);
        }

        free.Insert(range);
        return true;
    }

    private ulong Mirror(ulong mirroredEnd) => end - (mirroredEnd - MirrorBase);

    private bool TryNew(CpuId cpu, ulong first, ulong last, out ulong range)
    {
        bool isNew = cache.TryAllocate(cpu, GfpFlags.Atomic | GfpFlags.Zero, out PhysAddr place);
        range = place.Value;
        if (isNew)
        {
            slabs.Pages.Memory.GetRef<VmapArea>(place) = new VmapArea { Start = first, End = last };
        }

        return isNew;
    }

    private void Delete(CpuId cpu, ulong range)
    {
        if (range != 0)
        {
            cache.Free(cpu, new PhysAddr(range));
        }
    }
}
