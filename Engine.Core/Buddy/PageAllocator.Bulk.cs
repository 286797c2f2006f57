using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>Several single frames at once.</content>
public sealed unsafe partial class PageAllocator
{
    /// <summary>
    /// Fills the empty places of an array with single frames (<c>alloc_pages_bulk_array</c>): from one zone of the local node, whose
    /// low watermark must hold for all of them; what is left over goes one ordinary allocation, then the caller decides.
    /// </summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="gfp">As for a single allocation.</param>
    /// <param name="pages">The array; places that are not <see cref="Pfn.None"/> stay as they are.</param>
    /// <returns>How many places are filled now, those that were before included: the first empty place ends the count.</returns>
    public int AllocateBulk(CpuId cpu, GfpFlags gfp, Span<Pfn> pages)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(cpu.Value, cpuCount, nameof(cpu));
        int wanted = 0;
        foreach (Pfn page in pages)
        {
            wanted += page == Pfn.None ? 1 : 0;
        }

        AllocationRequest request = new(cpu.Value, 0, gfp, FindRoute(cpuNodes[cpu.Value], gfp));
        bool isBulk = wanted > 1 && (gfp & GfpFlags.Account) == 0 && FindBulkZone(request, wanted) is not null;
        int filled = 0;
        bool isSingleDone = false;
        for (; filled < pages.Length; filled++)
        {
            if (pages[filled] != Pfn.None)
            {
                continue;
            }

            // Outside the bulk path one allocation is made, with everything that the slow path can do, and the caller told.
            if ((!isBulk && isSingleDone) || !TryAllocate(cpu, Order.Zero, gfp, out pages[filled]))
            {
                break;
            }

            isSingleDone = true;
        }

        return filled;
    }

    /// <summary>Frees every place of an array that holds a frame, and empties it (<c>release_pages</c> of single frames).</summary>
    public void FreeBulk(CpuId cpu, Span<Pfn> pages)
    {
        foreach (ref Pfn page in pages)
        {
            if (page != Pfn.None)
            {
                Free(cpu, page, Order.Zero);
                page = Pfn.None;
            }
        }
    }

    private Zone? FindBulkZone(in AllocationRequest request, int wanted)
    {
        foreach (Zone zone in request.Route.Zones)
        {
            if (zone.Node != cpuNodes[request.Cpu])
            {
                return null;
            }

            long mark = (long)zone.GetWatermark(Watermark.Low) + wanted;
            if (IsWatermarkOk(zone, 0, mark, request.Route.Highest, request.Route.FastFlags))
            {
                return zone;
            }
        }

        return null;
    }
}
