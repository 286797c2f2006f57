using System.Runtime.Intrinsics.X86;
using Engine.Core.Frames;
using Engine.Core.PerCpu;
using Engine.Core.Units;

namespace Engine.Core.Buddy;

/// <content>Fetching ahead.</content>
public sealed unsafe partial class PageAllocator
{
    private const int CacheLineBytes = 64;

    // Half of a frame: about what a core can have under way while it does the rest of a fault.
    private const int PrefetchLines = 32;

    /// <summary>
    /// Fetches the frame that the CPU's next request for a single one is likely to get into the host's caches: the first lines of its
    /// content, behind which the host's own prefetching goes on, and its descriptor. Nothing else depends on it.
    /// </summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="gfp">The flags of such a request.</param>
    /// <param name="isCopyTarget">Whether it will be copied to: then all of it, into the second-level cache, since the copied frame comes through the first.</param>
    internal void PrefetchNext(CpuId cpu, GfpFlags gfp, bool isCopyTarget)
    {
        uint index = ((uint)cpu.Value << RouteShift) | ((uint)gfp & RouteMask);
        if (!Sse.IsSupported || index >= (uint)routes.Length || routes[index].Pages is not { } pages)
        {
            return;
        }

        uint next = pages.Peek(ref pages.List(PerCpuPages.ListOf(0, routes[index].Type)));
        if (unchecked(next - firstPfn) < frameCount)
        {
            // SAFETY: a prefetch of whatever address does not fault.
            FrameTable.Prefetch(descriptors + next);
            if (isCopyTarget)
            {
                Memory.PrefetchFrame(new Pfn(next), Pfn.PageSizeBytes);
                return;
            }

            byte* at = Memory.Bias + new Pfn(next).Address.Value;
            for (int line = 0; line < PrefetchLines; line++)
            {
                Sse.Prefetch0(at + (line * CacheLineBytes));
            }
        }
    }
}
