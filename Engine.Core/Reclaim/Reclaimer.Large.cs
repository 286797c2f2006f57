using Engine.Core.Frames;
using Engine.Core.Swap;
using Engine.Core.Units;

namespace Engine.Core.Reclaim;

/// <content>Large anonymous folios. Linux writes one out whole; here it goes as single pages to slots in a row, which looks the same from outside.</content>
public sealed partial class Reclaimer
{
    private uint ReclaimLarge(CpuId cpu, Pfn head, ref Frame frame, bool ignoresReferences)
    {
        if ((frame.Mapping & PageFlag.MappingAnon) == 0 || !lru.Remove(head))
        {
            return 0;
        }

        Order order = pages.GetOrder(head);
        ScannedPages += order.PageCount;
        if (!ignoresReferences && IsInUse(cpu, head, ref frame))
        {
            lru.PutBack(head);
            return 0;
        }

        bool isLazilyFree = (frame.Flags & PageFlag.SwapBacked) == 0;
        SwapEntry slots = SwapEntry.None;
        bool hasSlots = !isLazilyFree && IsMappedWhole(head, order.PageCount) && swap.TryTakeRun(cpu, head, order, out slots);
        if (!reverseMap.TrySplit(cpu, head, keepsZeroes: hasSlots || isLazilyFree))
        {
            if (hasSlots)
            {
                swap.ReleaseRun(slots, order.PageCount);
            }

            lru.PutBack(head);
            return 0;
        }

        uint freed = 0;
        bool isZero = hasSlots && IsZero(head, order.PageCount);
        for (uint i = 0; i < order.PageCount; i++)
        {
            if (hasSlots)
            {
                swap.Join(new SwapEntry(slots.Type, slots.Offset + i), head + i);
            }

            ref Frame page = ref frames[head + i];
            freed += (page.Flags & PageFlag.Lru) != 0 && lru.Remove(head + i) && TryShrink(cpu, head + i, ref page) ? 1u : 0;
        }

        if (hasSlots)
        {
            swap.SetZero(slots, order.PageCount, isZero);
        }

        return freed;
    }

    private bool IsZero(Pfn head, uint count)
    {
        for (uint i = 0; i < count; i++)
        {
            if (pages.Memory.GetFrame(head + i).ContainsAnyExcept((byte)0))
            {
                return false;
            }
        }

        return true;
    }

    // A folio that is mapped in part is split before it would get slots (folio_test_partially_mapped).
    private bool IsMappedWhole(Pfn head, uint count)
    {
        for (uint i = 0; i < count; i++)
        {
            if (frames[head + i].MapCount == 0)
            {
                return false;
            }
        }

        return true;
    }
}
