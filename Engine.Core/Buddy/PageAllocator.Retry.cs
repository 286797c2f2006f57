// Whether an allocation that found nothing is tried again (mm/page_alloc.c: should_reclaim_retry, should_compact_retry).

using Engine.Core.Migration;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>The slow path's decisions to go on.</content>
public sealed unsafe partial class PageAllocator
{
    // MAX_RECLAIM_RETRIES, MAX_COMPACT_RETRIES
    private const int ReclaimRetriesMax = 16;
    private const int CompactRetriesMax = 16;

    // How many rounds one request takes: a hook that always says yes hangs no one.
    private const int RoundsMax = 1024;

    // How far one request has come.
    private struct Retries()
    {
        // Rounds of the slow path.
        public int Rounds;

        // Rounds in a row without progress (no_progress_loops).
        public int Loops;

        // Compactions that made a block which was gone again (compaction_retries).
        public int Compactions;

        // How far compaction goes (compact_priority).
        public CompactMode Mode = CompactMode.SyncLight;
    }

    // Would the min watermark hold, and a block be there, if everything reclaimable were free? Before a process has to go, the whole
    // high-atomic reserve does.
    private bool ShouldRetryReclaim(in AllocationRequest request, AllocFlags flags, bool hasProgress, ref Retries retries)
    {
        retries.Loops = hasProgress && request.Order <= CostlyOrder ? 0 : retries.Loops + 1;
        return (retries.Loops <= ReclaimRetriesMax && WouldReclaimHelp(request, flags)) || UnreserveHighAtomic(request, isForced: true);
    }

    private bool WouldReclaimHelp(in AllocationRequest request, AllocFlags flags)
    {
        foreach (Zone zone in request.Route.Zones)
        {
            long available = CountAvailable(zone, 1);
            if (IsWatermarkOk(zone, request.Order, (long)zone.GetWatermark(Watermark.Min), request.Route.Highest, flags, available))
            {
                return true;
            }
        }

        return false;
    }

    private bool ShouldRetryCompact(in AllocationRequest request, CompactResult last, ref Retries retries)
    {
        bool isCostly = request.Order > CostlyOrder;
        switch (last)
        {
            case CompactResult.Skipped:
                // For lack of memory to move into: reclaim can help.
                return request.Order > 0 && WouldReclaimMakeRoom(request);
            case CompactResult.Success when ++retries.Compactions <= CompactRetriesMax / (isCostly ? 4 : 1):
                return true;
            default:
                CompactMode most = isCostly ? CompactMode.SyncLight : CompactMode.SyncFull;
                if (request.Order == 0 || retries.Mode <= most)
                {
                    return false;
                }

                retries.Mode--;
                retries.Compactions = 0;
                return true;
        }
    }

    // compaction_zonelist_suitable()
    private bool WouldReclaimMakeRoom(in AllocationRequest request)
    {
        foreach (Zone zone in request.Route.Zones)
        {
            if (Compactor.HasRoom(zone, request.Order, request.Route.Highest, CountAvailable(zone, request.Order)))
            {
                return true;
            }
        }

        return false;
    }

    // Free pages, and a share of what reclaim could free. What a hook or a damaged counter says may be anything.
    private long CountAvailable(Zone zone, int share) =>
        (long)Math.Min(Pressure.CountReclaimable(zone) / (uint)share, long.MaxValue / 2) + (long)Math.Min(zone.FreePages, long.MaxValue / 2);
}
