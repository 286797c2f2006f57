using Engine.Core.PerCpu;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>Watermarks, reserves and list limits: what is computed from the zones' sizes, at boot and when a setting changes.</content>
public sealed unsafe partial class PageAllocator
{
    private uint minFreeKilobytes;

    /// <summary><c>vm.min_free_kbytes</c>. Setting it recomputes every watermark (<c>setup_per_zone_wmarks</c>).</summary>
    public uint MinFreeKilobytes
    {
        get => minFreeKilobytes;
        set
        {
            minFreeKilobytes = value;
            UpdateLimits();
        }
    }

    /// <summary>Whether memory is too small to keep migrate types apart; every allocation is then unmovable.</summary>
    public bool IsMobilityGroupingDisabled { get; private set; }

    /// <summary>Pages that ordinary allocations cannot have: Σ (largest lowmem reserve + high watermark) (<c>totalreserve_pages</c>).</summary>
    public ulong TotalReservePages
    {
        get
        {
            ulong total = 0;
            foreach (Zone zone in zones)
            {
                ulong reserve = Enumerable.Range((int)zone.Type, ZoneTypes.Count - (int)zone.Type).Max(type => zone.GetLowmemReserve((ZoneType)type));
                total += Math.Min(zone.ManagedPages, unchecked(reserve + zone.GetWatermark(Watermark.High)));
            }

            return total;
        }
    }

    // Boot computes the value before any watermark exists; khugepaged raises it afterwards, with the high watermarks set.
    private uint ComputeMinFree()
    {
        uint computed = Options.MinFreeKilobytes ?? Watermarks.ComputeMinFreeKilobytes(CountFreeBufferPages());
        if (!Options.TransparentHugePages)
        {
            return computed;
        }

        minFreeKilobytes = computed;
        UpdateLimits();
        int populated = zones.Count(zone => zone.Type != ZoneType.Movable && zone.ManagedPages > 0);
        return Watermarks.RaiseForHugePages(populated, CountFreeBufferPages(), computed);
    }

    // nr_free_buffer_pages(): over the zonelist of GFP_USER.
    private ulong CountFreeBufferPages()
    {
        ulong pages = 0;
        foreach (Zone zone in zoneLists[cpuNodes[0]].Where(zone => zone.Type <= ZoneType.Normal))
        {
            ulong high = zone.GetWatermark(Watermark.High);
            pages += zone.ManagedPages > high ? zone.ManagedPages - high : 0;
        }

        return pages;
    }

    private void UpdateLimits()
    {
        ulong lowmem = zones.Where(zone => zone.Type != ZoneType.Movable).Aggregate(0UL, (sum, zone) => sum + zone.ManagedPages);
        uint[] ratios = [.. Options.LowmemReserveRatio ?? [.. Watermarks.LowmemReserveRatioDefault]];
        foreach (Zone zone in zones)
        {
            Watermarks marks = Watermarks.Compute(zone.Type, zone.ManagedPages, lowmem, minFreeKilobytes, Options.WatermarkScaleFactor);
            ZoneState* state = zone.State;
            state->WatermarkBoost = 0;
            state->Marks[0] = marks.Min;
            state->Marks[1] = marks.Low;
            state->Marks[2] = marks.High;
            state->Marks[3] = marks.Promo;
            ulong[] managed = new ulong[ZoneTypes.Count];
            foreach (Zone other in zones.Where(other => other.Node == zone.Node))
            {
                managed[(int)other.Type] = other.ManagedPages;
            }

            for (int highest = 0; highest < ZoneTypes.Count; highest++)
            {
                state->LowmemReserve[highest] = highest <= (int)zone.Type
                    ? 0
                    : (long)Watermarks.ComputeLowmemReserve(managed, zone.Type, (ZoneType)highest, ratios);
            }

            zone.UpdateFastMarks();
            UpdateListLimits(zone);
        }
    }

    // zone_set_pageset_high_and_batch()
    private void UpdateListLimits(Zone zone)
    {
        PerCpuLimits limits = GetListLimits(zone);
        for (int cpu = 0; cpu < cpuCount; cpu++)
        {
            PerCpuState* state = lists[(cpu * zones.Length) + zone.Index].State;
            state->Batch = limits.Batch;
            state->HighMin = limits.HighMin;
            state->HighMax = limits.HighMax;
            state->FreeCountMax = limits.Batch << PerCpuLimits.BatchScaleMax;
            state->FreeRunMin = limits.Batch + (Options.Release == KernelRelease.Linux69 ? 0 : limits.HighMin / 2);
            state->FreeHighMin = Options.DataCacheBytes >> Pfn.PageShift > 3UL * (ulong)limits.Batch ? limits.Batch : 0;
        }
    }

    /// <summary>Batch and limits of each CPU's lists of a zone.</summary>
    public PerCpuLimits GetListLimits(Zone zone) =>
        PerCpuLimits.Compute(zone.ManagedPages, zone.GetWatermark(Watermark.Low), CpusOf(zone.Node), Options.PerCpuHighFraction);

    /// <summary>Raises a zone's watermarks after types were mixed (<c>boost_watermark</c>). The zone's lock is held.</summary>
    internal bool BoostWatermark(int zoneIndex)
    {
        Zone zone = zones[zoneIndex];
        const long BlockPages = 1L << Order.PageBlockValue;
        if (Options.WatermarkBoostFactor == 0 || BlockPages * 4 > (long)zone.ManagedPages)
        {
            return false;
        }

        long most = zone.State->Marks[(int)Watermark.High] * (long)Options.WatermarkBoostFactor / 10000;
        if (most == 0)
        {
            return false;
        }

        most = Math.Max(BlockPages, most);
        zone.State->WatermarkBoost = Math.Min(Math.Max(0, zone.State->WatermarkBoost), most - BlockPages) + BlockPages;
        zone.UpdateFastMarks();
        return true;
    }

    /// <summary>Takes back a part of a zone's boost, as kswapd does when it ends (<c>balance_pgdat</c>).</summary>
    public void ReduceBoost(Zone zone, ulong pages)
    {
        zone.Acquire();
        long boost = Math.Max(0, zone.State->WatermarkBoost);
        zone.State->WatermarkBoost = boost - (long)Math.Min((ulong)boost, pages);
        zone.UpdateFastMarks();
        zone.Release();
    }
}
