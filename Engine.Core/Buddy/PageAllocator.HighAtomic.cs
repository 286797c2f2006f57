using System.Numerics;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>The reserve for high-order atomic allocations (<c>reserve_highatomic_pageblock</c>).</content>
public sealed unsafe partial class PageAllocator
{
    // A high-order atomic allocation that had to use its rights turns its pageblock into reserve: at most about 1 % of the zone.
    private void ReserveHighAtomic(Zone zone, uint pfn)
    {
        const long BlockPages = 1L << Order.PageBlockValue;
        long share = (long)zone.ManagedPages / 100;
        if (share < BlockPages)
        {
            return;
        }

        long most = (share + BlockPages - 1) & -BlockPages;
        zone.Acquire();
        int number = (int)(pfn >> Order.PageBlockValue);
        if (zone.State->ReservedHighAtomic < most && MigrateTypes.IsMergeable((MigrateType)blocks[number].Type) && zone.Area.IsWhole(number))
        {
            zone.Area.Retype(number, MigrateType.HighAtomic);
            zone.State->ReservedHighAtomic = unchecked(zone.State->ReservedHighAtomic + BlockPages);
            zone.UpdateFastMarks();
        }

        zone.Release();
    }

    // Gives one pageblock of the reserve with free memory to the request's type; one stays, unless forced.
    private bool UnreserveHighAtomic(in AllocationRequest request, bool isForced)
    {
        const long BlockPages = 1L << Order.PageBlockValue;
        foreach (Zone zone in request.Route.Zones)
        {
            if (!isForced && zone.State->ReservedHighAtomic <= BlockPages)
            {
                continue;
            }

            zone.Acquire();
            uint orders = zone.State->TypeOrders[(int)MigrateType.HighAtomic];
            int number = orders == 0 ? -1 : zone.Area.FindFirst((int)MigrateType.HighAtomic, BitOperations.TrailingZeroCount(orders));
            if (number >= 0)
            {
                zone.State->ReservedHighAtomic -= Math.Min(BlockPages, zone.State->ReservedHighAtomic);
                zone.Area.Retype(number, request.Route.Type);
                zone.UpdateFastMarks();
            }

            zone.Release();
            if (number >= 0)
            {
                return true;
            }
        }

        return false;
    }
}
