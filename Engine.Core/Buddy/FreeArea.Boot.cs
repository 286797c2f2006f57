using Engine.Core.Arena;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>Boot.</content>
internal sealed unsafe partial class FreeArea
{
    /// <summary>Makes the zone the owner of the pageblocks in which it has RAM, all movable (<c>memmap_init_zone</c>).</summary>
    public void AddPageBlocks(ReadOnlySpan<MemoryBank> banks, in ZoneSpan span)
    {
        foreach (MemoryBank bank in banks)
        {
            uint from = Math.Max(bank.Start.Pfn.Value, span.Start.Value);
            uint to = Math.Min((uint)(bank.End.ToUInt64() >> Pfn.PageShift), span.End.Value);
            for (uint number = from >> PageBlockShift; bank.Node == span.Node && from < to && number <= (to - 1) >> PageBlockShift; number++)
            {
                if (blocks[number].ZonePlusOne != 0 && blocks[number].ZonePlusOne != zonePlusOne)
                {
                    throw new ArgumentException($"two zones share the pageblock at {new Pfn(number << PageBlockShift)}", nameof(span));
                }

                blocks[number].ZonePlusOne = zonePlusOne;
                blocks[number].Type = (byte)MigrateType.Movable;
            }
        }
    }

    /// <summary>Frees a range in maximal aligned blocks (<c>__free_pages_memory</c>). Whole pageblocks do not touch their maps.</summary>
    public void PutRange(uint from, uint end)
    {
        while (from < end)
        {
            int order = Math.Min(Order.MaxValue, System.Numerics.BitOperations.TrailingZeroCount(from));
            while (from + (1u << order) > end)
            {
                order--;
            }

            Put(from, order);
            from += 1u << order;
        }
    }
}
