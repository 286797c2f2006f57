using Engine.Core.Buddy;
using Engine.Core.Units;

namespace Engine.Core.Slab;

/// <summary>A cache of objects of one size (<c>kmem_cache</c>).</summary>
public sealed class SlabCache
{
    private readonly PageAllocator pages;
    private readonly Stack<PhysAddr> free = new();

    /// <summary>Creates a cache.</summary>
    /// <param name="pages">Where slabs come from.</param>
    /// <param name="name">As in <c>/proc/slabinfo</c>.</param>
    /// <param name="objectBytes">Bytes in an object.</param>
    /// <param name="alignmentBytes">Alignment of an object.</param>
    public SlabCache(PageAllocator pages, string name, int objectBytes, int alignmentBytes = 8)
    {
        this.pages = pages;
        Name = name;
        ObjectBytes = (objectBytes + alignmentBytes - 1) & -alignmentBytes;
    }

    /// <summary>As in <c>/proc/slabinfo</c>.</summary>
    public string Name { get; }

    /// <summary>Bytes in an object.</summary>
    public int ObjectBytes { get; }

    /// <summary>Takes an object (<c>kmem_cache_alloc</c>). Its content is undefined unless <see cref="GfpFlags.Zero"/> is given.</summary>
    /// <returns>False where no memory could be had.</returns>
    public bool TryAllocate(CpuId cpu, GfpFlags gfp, out PhysAddr address)
    {
        if (free.Count == 0)
        {
            if (!pages.TryAllocate(cpu, Order.Zero, gfp, out Pfn pfn))
            {
                address = default;
                return false;
            }

            for (int offset = 0; offset + ObjectBytes <= Pfn.PageSizeBytes; offset += ObjectBytes)
            {
                free.Push(pfn.Address + (ulong)offset);
            }
        }

        address = free.Pop();
        if ((gfp & GfpFlags.Zero) != 0)
        {
            pages.Memory.GetSpan(address, ObjectBytes).Clear();
        }

        return true;
    }

    /// <summary>Gives an object back (<c>kmem_cache_free</c>).</summary>
    public void Free(CpuId cpu, PhysAddr address) => free.Push(address);
}
