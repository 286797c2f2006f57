using Engine.Core.PerCpu;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>Several single frames at once.</content>
public sealed unsafe partial class PageAllocator
{
    /// <summary>
    /// Fills the empty places of an array with single frames (<c>alloc_pages_bulk_array</c>): from the CPU's lists of one zone of the local
    /// node, whose low watermark must hold with as many pages more as the array has places. Where that cannot be, and for a single place,
    /// one ordinary allocation is made, with everything that the slow path can do.
    /// </summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="gfp">As for a single allocation.</param>
    /// <param name="pages">The array; places that are not <see cref="Pfn.None"/> stay as they are.</param>
    /// <returns>How many places are filled now, those that were before included: the first empty place ends the count.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The machine has no such CPU.</exception>
    /// <exception cref="ArgumentException">The flags contradict each other.</exception>
    public int AllocateBulk(CpuId cpu, GfpFlags gfp, Span<Pfn> pages)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(cpu.Value, cpuCount, nameof(cpu));
        AllocationRequest request = new(cpu.Value, 0, gfp, FindRoute(cpuNodes[cpu.Value], gfp));
        ServeInbox(cpu);
        int filled = CountFilled(pages, 0);
        AllocFlags flags = AllocFlags.WatermarkLow | request.Route.SlowFlags | KswapdFlag(gfp);
        bool isBulk = pages.Length - filled > 1 && (gfp & GfpFlags.Account) == 0;
        if (isBulk && FindBulkZone(request, flags, pages.Length) is { } zone)
        {
            int before = filled;
            PerCpuPages lists = this.lists[(cpu.Value * zones.Length) + zone.Index];
            while (filled < pages.Length && TryTakeFromList(lists, request, flags, out uint taken))
            {
                CountTaken(lists, request);
                pages[filled] = (gfp & GfpFlags.Zero) == 0 ? new Pfn(taken) : Prepare(taken, 0, gfp);
                filled = CountFilled(pages, filled + 1);
            }

            if (filled != before)
            {
                return filled;
            }
        }

        return filled < pages.Length && TryAllocate(cpu, Order.Zero, gfp, out pages[filled]) ? CountFilled(pages, filled + 1) : filled;
    }

    private static int CountFilled(ReadOnlySpan<Pfn> pages, int from)
    {
        int next = pages[from..].IndexOf(Pfn.None);
        return next < 0 ? pages.Length : from + next;
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

    private Zone? FindBulkZone(in AllocationRequest request, AllocFlags flags, int wanted)
    {
        foreach (Zone zone in request.Route.Zones)
        {
            if (zone.Node != cpuNodes[request.Cpu])
            {
                return null;
            }

            long mark = (long)zone.GetWatermark(Watermark.Low) + wanted;
            if (IsWatermarkOk(zone, 0, mark, request.Route.Highest, flags))
            {
                return zone;
            }
        }

        return null;
    }
}
