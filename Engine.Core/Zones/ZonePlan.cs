// Which zone covers which frames.
//
// arm64 (arch/arm64/mm/init.c, zone_sizes_init): ZONE_DMA ends where the device with the fewest address bits ends
// (32 bits unless firmware says less), ZONE_DMA32 at 4 GiB, ZONE_NORMAL takes the rest. So a machine whose RAM lies
// below 4 GiB has a DMA zone and nothing else, and so has one whose RAM begins above 4 GiB, because then no limit can hold.
// ZONE_MOVABLE is cut from the top of each node's highest zone on request (movablecore=).

using Engine.Core.Arena;
using Engine.Core.Units;

namespace Engine.Core.Zones;

/// <summary>Divides the memory banks into zones.</summary>
public static class ZonePlan
{
    private const ulong FourGiB = 1UL << 32;

    /// <summary>The zones of an arm64 machine, by node and then by type; empty zones are left out.</summary>
    /// <param name="banks">The machine's RAM.</param>
    /// <param name="dmaBits">Address bits of the most limited device (<c>zone_dma_bits</c>), 24..32 as a rule.</param>
    /// <param name="movableBytes">How much of all memory ZONE_MOVABLE gets, shared evenly by the nodes (<c>movablecore=</c>).</param>
    public static IReadOnlyList<ZoneSpan> ForArm64(ReadOnlySpan<MemoryBank> banks, int dmaBits = 32, ulong movableBytes = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dmaBits, 13);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(dmaBits, 63);
        ulong start = banks[0].Start.ToUInt64();
        ulong end = banks[^1].End.ToUInt64();
        ulong dmaEnd = LimitOf(dmaBits, start, end);
        ulong dma32End = Math.Max(dmaEnd, LimitOf(32, start, end));
        int nodeCount = 0;
        foreach (MemoryBank bank in banks)
        {
            nodeCount = Math.Max(nodeCount, bank.Node + 1);
        }

        List<ZoneSpan> zones = [];
        for (int node = 0; node < nodeCount; node++)
        {
            ulong movableStart = MovableStart(banks, node, movableBytes / (ulong)nodeCount);
            AddZone(zones, banks, node, ZoneType.Dma, 0, Math.Min(dmaEnd, movableStart));
            AddZone(zones, banks, node, ZoneType.Dma32, dmaEnd, Math.Min(dma32End, movableStart));
            AddZone(zones, banks, node, ZoneType.Normal, dma32End, movableStart);
            AddZone(zones, banks, node, ZoneType.Movable, movableStart, ulong.MaxValue);
        }

        return zones;
    }

    // max_zone_phys(): a limit below the first byte of RAM is widened to 32 bits, and beyond 4 GiB to everything.
    private static ulong LimitOf(int bits, ulong start, ulong end)
    {
        ulong last = (1UL << bits) - 1;
        if (start >= FourGiB)
        {
            last = ulong.MaxValue;
        }
        else if (start > last)
        {
            last = FourGiB - 1;
        }

        return Math.Min(last, end - 1) + 1;
    }

    // The node's topmost movableBytes, no lower than its highest kernel zone allows, rounded up to a maximal block.
    private static ulong MovableStart(ReadOnlySpan<MemoryBank> banks, int node, ulong movableBytes)
    {
        const ulong MaxBlockBytes = (ulong)Pfn.PageSizeBytes << Order.MaxValue;
        ulong left = movableBytes;
        for (int i = banks.Length - 1; i >= 0 && left > 0; i--)
        {
            if (banks[i].Node != node)
            {
                continue;
            }

            if (banks[i].LengthBytes >= left)
            {
                ulong start = banks[i].End.ToUInt64() - left;
                return (start + MaxBlockBytes - 1) & ~(MaxBlockBytes - 1);
            }

            left -= banks[i].LengthBytes;
        }

        return movableBytes == 0 ? ulong.MaxValue : 0;
    }

    private static void AddZone(List<ZoneSpan> zones, ReadOnlySpan<MemoryBank> banks, int node, ZoneType type, ulong low, ulong high)
    {
        ulong first = ulong.MaxValue;
        ulong end = 0;
        foreach (MemoryBank bank in banks)
        {
            ulong from = Math.Max(bank.Start.ToUInt64(), low);
            ulong to = Math.Min(bank.End.ToUInt64(), high);
            if (bank.Node == node && from < to)
            {
                first = Math.Min(first, from);
                end = Math.Max(end, to);
            }
        }

        if (first < end)
        {
            zones.Add(new ZoneSpan(node, type, new PhysAddr(first).Pfn, (uint)((end - first) >> Pfn.PageShift)));
        }
    }
}
