// Folios and compound pages: one block under one head (mm/page_alloc.c: prep_compound_page, __free_pages, split_page;
// mm/huge_memory.c: __split_huge_page; mm/swap.c: folio_put).

using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.Buddy;

/// <content>Folios.</content>
public sealed unsafe partial class PageAllocator
{
    /// <summary>The head of the compound page that a frame belongs to; the frame itself where it belongs to none (<c>compound_head</c>).</summary>
    /// <remarks>The link comes from the arena: one that leads to no compound page that covers the frame is not followed.</remarks>
    public Pfn GetHead(Pfn pfn)
    {
        if (!Frames.IsInTable(pfn))
        {
            return pfn;
        }

        ulong link = Frames[pfn].Previous;
        Pfn head = new((uint)Math.Min(link >> 1, uint.MaxValue));
        return (link & 1) != 0 && head < pfn && IsCompound(head) && pfn - head < GetOrder(head).PageCount ? head : pfn;
    }

    /// <summary>Whether a frame is the head of a compound page.</summary>
    public bool IsCompound(Pfn pfn) => Frames.IsInTable(pfn) && FrameState.IsAllocated(states[pfn.Value]) && (states[pfn.Value] & FrameState.Compound) == FrameState.Compound;

    /// <summary>The order of the allocated block that begins at a frame; 0 where none does (<c>compound_order</c>).</summary>
    public Order GetOrder(Pfn head) =>
        Frames.IsInTable(head) && FrameState.IsAllocated(states[head.Value]) ? new Order(FrameState.OrderOf(states[head.Value])) : Order.Zero;

    /// <summary>Takes a reference on a block in use (<c>folio_get</c>).</summary>
    public void Get(Pfn pfn) => Interlocked.Increment(ref Frames[GetHead(pfn)].RefCount);

    /// <summary>Gives a reference back; the last one frees the block (<c>folio_put</c>).</summary>
    /// <returns>Whether the block was freed.</returns>
    public bool Put(CpuId cpu, Pfn pfn)
    {
        Pfn head = GetHead(pfn);
        if (!Frames.IsValid(head) || !FrameState.IsAllocated(states[head.Value]) || Frames[head].RefCount <= 0)
        {
            ReportBadPage(ReasonOfBadFree(head, Order.Zero), head.Value, 1, 0);
            return false;
        }

        if (Interlocked.Decrement(ref Frames[head].RefCount) != 0)
        {
            return false;
        }

        Free(cpu, head, GetOrder(head));
        return true;
    }

    /// <summary>
    /// Gives one reference of a block back by its order (<c>__free_pages</c>). Where references remain on a block that is no compound
    /// page, everything but its first frame is freed at once.
    /// </summary>
    public void PutBlock(CpuId cpu, Pfn pfn, Order order)
    {
        if (!IsFreeable(pfn, order, out _, cpu))
        {
            return;
        }

        bool isCompound = IsCompound(pfn);
        if (Interlocked.Decrement(ref Frames[pfn].RefCount) <= 0)
        {
            Free(cpu, pfn, order);
        }
        else if (!isCompound && order > Order.Zero)
        {
            states[pfn.Value] = FrameState.Allocated;
            for (int k = order.Value - 1; k >= 0; k--)
            {
                states[pfn.Value + (1u << k)] = (byte)(FrameState.Allocated | k);
                Free(cpu, pfn + (1u << k), new Order(k));
            }
        }
    }

    /// <summary>
    /// Splits a block in use into blocks of a smaller order, each with the references of one (<c>split_page</c>,
    /// <c>split_huge_page_to_list_to_order</c>). The parts of a compound page are compound where their order is not 0.
    /// </summary>
    /// <param name="head">The block's first frame.</param>
    /// <param name="order">The parts' order, below the block's.</param>
    /// <returns>False, with nothing changed, where no such block begins there, or a compound page has users beside the caller.</returns>
    public bool TrySplit(Pfn head, Order order)
    {
        if (!Frames.IsInTable(head) || !FrameState.IsAllocated(states[head.Value]) || GetOrder(head) <= order)
        {
            return false;
        }

        uint count = GetOrder(head).PageCount;
        bool isCompound = IsCompound(head);
        ref Frame first = ref Frames[head];
        if (isCompound && first.RefCount != 1)
        {
            return false;
        }

        int references = first.RefCount;
        Frame owner = first;
        owner.Flags &= ~(ulong)FrameFlags.Head;
        for (uint i = 0; i < count; i += order.PageCount)
        {
            Pfn part = head + i;
            ref Frame frame = ref Frames[part];
            if (isCompound)
            {
                // The parts belong to whom the whole belonged: same flags and mapping, the index goes on.
                frame = owner;
                frame.Index = owner.Index + i;
                frame.MapCount = 0;
                frame.Next = i == 0 ? owner.Next : 0;
                frame.Previous = i == 0 ? owner.Previous : 0;
            }

            frame.RefCount = references;
            states[part.Value] = (byte)(FrameState.Allocated | order.Value);
            if (isCompound && order > Order.Zero)
            {
                states[part.Value] = (byte)(FrameState.Compound | order.Value);
                PrepareCompound(part.Value, order.Value);
            }
        }

        return true;
    }
}
