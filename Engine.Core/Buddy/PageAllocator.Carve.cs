using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.Buddy;

/// <content>Cutting an allocated block into smaller ones.</content>
public sealed unsafe partial class PageAllocator
{
    /// <summary>
    /// Makes a part of an allocated block a block of its own, compound where it is larger than a frame
    /// (<c>split_page</c>, <c>__split_folio_to_order</c>). The caller covers the whole block with parts, from the last to the first.
    /// </summary>
    /// <param name="pfn">First frame of the part, aligned to its size.</param>
    /// <param name="order">Its size.</param>
    /// <exception cref="ArgumentException">The part does not lie within an allocated block.</exception>
    internal void CarveBlock(Pfn pfn, Order order)
    {
        bool isInside = TryFindBlock(pfn, out Pfn head, out Order whole)
            && (pfn.Value & (order.PageCount - 1)) == 0 && pfn.Value + order.PageCount <= head.Value + whole.PageCount;
        if (!isInside)
        {
            throw new ArgumentException($"{order.PageCount} frames from {pfn} are not part of an allocated block", nameof(pfn));
        }

        // SAFETY: an allocated block lies within the managed frames.
        states[pfn.Value] = (byte)((order.Value > 0 ? FrameState.Compound : FrameState.Allocated) | order.Value);
        ref Frame frame = ref Frames[pfn];
        frame.Flags &= ~(ulong)FrameFlags.Head;
        frame.Previous = 0;
        if (order.Value > 0)
        {
            PrepareCompound(pfn.Value, order.Value);
        }
    }
}
