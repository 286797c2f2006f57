using Engine.Core.Frames;
using Engine.Core.PageCache;
using Engine.Core.Swap;
using Engine.Core.Units;

namespace Engine.Core.Reclaim;

/// <content>Large folios. Linux writes an anonymous one out whole; here it goes as single pages to slots in a row, which looks the same from outside.</content>
public sealed partial class Reclaimer
{
    private uint ReclaimLarge(CpuId cpu, Pfn head, ref Frame frame, bool ignoresReferences)
    {
        if ((frame.Mapping & PageFlag.MappingAnon) == 0)
        {
            return ReclaimShared(cpu, head, ref frame, ignoresReferences);
        }

        if (!lru.Remove(head))
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

    // A large folio of shared memory leaves all page tables, and goes to slots in a row or, where there are none, as single pages.
    private uint ReclaimShared(CpuId cpu, Pfn head, ref Frame frame, bool ignoresReferences)
    {
        if (files.MappingOf(head) is not { IsShmem: true } mapping || !lru.Remove(head))
        {
            return 0;
        }

        uint count = 1u << files.OrderOf(head);
        ScannedPages += count;
        if (!ignoresReferences && IsInUse(cpu, head, ref frame))
        {
            lru.PutBack(head);
            return 0;
        }

        frame.Flags &= ~PageFlag.Active;
        files.ReverseMap?.UnmapRange(cpu, mapping, frame.Index, count, includePrivateCopies: false);
        bool isDirty = (frame.Flags & PageFlag.Dirty) != 0;
        if (isDirty ? mapping.TrySwapOut(cpu, head, swap) : mapping.TryEvict(cpu, head))
        {
            StolenPages += count;
            return count;
        }

        frame.Flags |= PageFlag.Active;
        lru.PutBack(head);
        return isDirty && swap.FreePages > 0 ? ReclaimPages(cpu, mapping, head, count) : 0;
    }

    private uint ReclaimPages(CpuId cpu, FileMapping mapping, Pfn head, uint count)
    {
        uint freed = 0;
        if (mapping.TrySplit(cpu, head))
        {
            for (uint i = 0; i < count; i++)
            {
                freed += files.MappingOf(head + i) == mapping && TryReclaim(cpu, head + i, ref frames[head + i], ignoresReferences: true) ? 1u : 0;
            }
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
