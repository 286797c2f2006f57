using Engine.Core.Buddy;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Mmsim.Kmem;

/// <summary>One zone's free memory at one time of the replay.</summary>
/// <param name="Zone">Which zone.</param>
/// <param name="Seconds">Time since the trace's first event.</param>
/// <param name="Steps">Steps of the replay done so far.</param>
/// <param name="FreePages">Pages in free blocks.</param>
/// <param name="FreeBlocks">Free blocks by order.</param>
internal sealed record FragmentationSample(Zone Zone, double Seconds, long Steps, ulong FreePages, IReadOnlyList<long> FreeBlocks)
{
    /// <summary>Looks at a zone.</summary>
    public static FragmentationSample Take(Zone zone, double seconds, long steps)
    {
        Span<long> byType = stackalloc long[MigrateTypes.Count * Order.Count];
        PageAllocator.CountFreeBlocks(zone, byType);
        long[] blocks = new long[Order.Count];
        for (int i = 0; i < byType.Length; i++)
        {
            blocks[i % Order.Count] += byType[i];
        }

        return new FragmentationSample(zone, seconds, steps, zone.FreePages, blocks);
    }

    /// <summary>
    /// The share of free memory that a request of this order cannot use because its blocks are too small, in thousandths
    /// (debugfs <c>extfrag/unusable_index</c>, mm/vmstat.c: <c>unusable_free_index</c>); 1000 where nothing is free.
    /// </summary>
    public long GetUnusableIndex(int order)
    {
        long free = 0;
        long suitable = 0;
        for (int i = 0; i < FreeBlocks.Count; i++)
        {
            free += FreeBlocks[i] << i;
            suitable += i >= order ? FreeBlocks[i] << i : 0;
        }

        return free == 0 ? 1000 : (free - suitable) * 1000 / free;
    }
}
