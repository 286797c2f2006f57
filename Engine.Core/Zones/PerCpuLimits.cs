using System.Numerics;
using Engine.Core.Units;

namespace Engine.Core.Zones;

/// <summary>How many pages a per-CPU list moves at a time and keeps (mm/page_alloc.c: <c>zone_batchsize</c>, <c>zone_highsize</c>).</summary>
/// <param name="Batch">Pages moved at a time.</param>
/// <param name="HighMin">The least that the limit of kept pages is tuned down to.</param>
/// <param name="HighMax">The most that it is tuned up to.</param>
public readonly record struct PerCpuLimits(int Batch, int HighMin, int HighMax)
{
    /// <summary>A list set may never hold more than one part in eight of its zone (<c>MIN_PERCPU_PAGELIST_HIGH_FRACTION</c>).</summary>
    public const int MinHighFraction = 8;

    /// <summary>A refill is at most batch &lt;&lt; 5 (<c>CONFIG_PCP_BATCH_SCALE_MAX</c>).</summary>
    public const int BatchScaleMax = 5;

    /// <summary>The limits of each CPU's lists of one zone.</summary>
    /// <param name="managedPages">The zone's managed pages.</param>
    /// <param name="lowWatermark">The zone's low watermark with its boost.</param>
    /// <param name="cpuCount">CPUs of the zone's node, or all CPUs where the node has none.</param>
    /// <param name="highFraction"><c>percpu_pagelist_high_fraction</c>: 0, or at least <see cref="MinHighFraction"/>, which turns tuning off.</param>
    public static PerCpuLimits Compute(ulong managedPages, ulong lowWatermark, int cpuCount, int highFraction = 0)
    {
        int batch = Math.Max(1, ComputeBatch(managedPages));
        if (highFraction != 0)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(highFraction, MinHighFraction);
            int high = ComputeHigh(managedPages, (ulong)highFraction);
            return new PerCpuLimits(batch, high, high);
        }

        return new PerCpuLimits(batch, ComputeHigh(lowWatermark, 1), ComputeHigh(managedPages, MinHighFraction));

        int ComputeHigh(ulong total, ulong divisor) => (int)Math.Max(total / divisor / (ulong)cpuCount, 4 * (ulong)batch);
    }

    private static int ComputeBatch(ulong managedPages)
    {
        ulong batch = Math.Min(managedPages >> 10, (1UL << 20) / Pfn.PageSizeBytes) / 4;
        batch = Math.Max(batch, 1);
        ulong rounded = batch + (batch / 2);
        return (1 << BitOperations.Log2(rounded)) - 1;
    }
}
