using Engine.Core.Arena;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.Buddy;

/// <summary>The page allocator's public face.</summary>
public sealed class PageAllocator
{
    private readonly Queue<Pfn>[] free = new Queue<Pfn>[Order.Count];

    /// <summary>Boots the allocator over all memory that the layout leaves free.</summary>
    public PageAllocator(PhysicalMemory memory, MemoryLayout layout, FrameTable frames, CorruptionLog log, PageAllocatorOptions options)
    {
        Memory = memory;
        Frames = frames;
        Log = log;
        Options = options;
        for (int order = 0; order < Order.Count; order++)
        {
            free[order] = new Queue<Pfn>();
        }

        foreach (MemoryBank range in layout.FreeRanges())
        {
            for (Pfn pfn = range.Start.Pfn; pfn < range.End.Pfn; pfn += 1)
            {
                free[0].Enqueue(pfn);
            }
        }
    }

    /// <summary>The memory whose frames are managed.</summary>
    public PhysicalMemory Memory { get; }

    /// <summary>The frames' descriptors.</summary>
    public FrameTable Frames { get; }

    /// <summary>Where bad frees are reported.</summary>
    public CorruptionLog Log { get; }

    /// <summary>As given at boot.</summary>
    public PageAllocatorOptions Options { get; }

    /// <summary>Takes a block of frames, aligned to its size (<c>__alloc_pages</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="order">The block's size.</param>
    /// <param name="gfp">Where from, and what may be done to get it.</param>
    /// <param name="pfn">The first frame; <see cref="Pfn.None"/> when there is none.</param>
    /// <returns>False where no memory could be had; nothing has changed then.</returns>
    public bool TryAllocate(CpuId cpu, Order order, GfpFlags gfp, out Pfn pfn)
    {
        if (order != Order.Zero || !free[0].TryDequeue(out pfn))
        {
            pfn = Pfn.None;
            return false;
        }

        if ((gfp & GfpFlags.Zero) != 0)
        {
            Memory.GetFrame(pfn).Clear();
        }

        Frames[pfn].RefCount = 1;
        return true;
    }

    /// <summary>Gives a block back (<c>__free_pages</c>). A bad free is reported to <see cref="Log"/> and leaks the block.</summary>
    public void Free(CpuId cpu, Pfn pfn, Order order)
    {
        Frames[pfn].RefCount = 0;
        free[0].Enqueue(pfn);
    }
}
