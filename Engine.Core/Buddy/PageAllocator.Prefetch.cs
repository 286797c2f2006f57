using Engine.Core.Frames;
using Engine.Core.PerCpu;
using Engine.Core.Units;

namespace Engine.Core.Buddy;

/// <content>Fetching ahead.</content>
public sealed unsafe partial class PageAllocator
{
    /// <summary>
    /// Fetches the frame that the CPU's next request for a single one is likely to get into the host's second-level cache, and its descriptor:
    /// the rest of a fault goes on meanwhile. Nothing else depends on it.
    /// </summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="gfp">The flags of such a request.</param>
    internal void PrefetchNext(CpuId cpu, GfpFlags gfp)
    {
        uint index = ((uint)cpu.Value << RouteShift) | ((uint)gfp & RouteMask);
        if (index >= (uint)routes.Length || routes[index].Pages is not { } pages)
        {
            return;
        }

        uint next = pages.Peek(ref pages.List(PerCpuPages.ListOf(0, routes[index].Type)));
        if (unchecked(next - firstPfn) < frameCount)
        {
            // SAFETY: a prefetch of whatever address does not fault.
            FrameTable.Prefetch(descriptors + next);
            Memory.PrefetchFrame(new Pfn(next), Pfn.PageSizeBytes);
        }
    }
}
