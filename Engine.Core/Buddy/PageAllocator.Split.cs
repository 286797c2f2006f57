using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.Buddy;

/// <content>Splitting an allocated block.</content>
public sealed unsafe partial class PageAllocator
{
    /// <summary>
    /// Makes single pages of an allocated block that is no compound page (<c>split_page</c>): each has one reference and is freed
    /// on its own from now on.
    /// </summary>
    /// <param name="pfn">The block's first frame.</param>
    /// <param name="order">The block's order.</param>
    /// <returns>False, with nothing changed, where there is no allocated block of this order.</returns>
    public bool TrySplitPage(Pfn pfn, Order order)
    {
        uint index = unchecked(pfn.Value - firstPfn);
        if (index >= frameCount || frameCount - index < order.PageCount || states[pfn.Value] != (FrameState.Allocated | order.Value))
        {
            return false;
        }

        for (uint i = 0; i < order.PageCount; i++)
        {
            // SAFETY: the whole block lies below frameCount; states is biased to absolute frame numbers.
            states[pfn.Value + i] = FrameState.Allocated;
            Frames[pfn + i].RefCount = 1;
        }

        return true;
    }
}
