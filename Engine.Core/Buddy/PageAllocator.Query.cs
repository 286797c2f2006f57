using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.Buddy;

/// <content>What a frame is, for those who only look.</content>
public sealed unsafe partial class PageAllocator
{
    /// <summary>Whether a frame lies in a block of the free area (<c>is_free_buddy_page</c>); one on a CPU's list does not.</summary>
    public bool IsInFreeArea(Pfn pfn) => Frames.IsValid(pfn) && FindZone(pfn) is { } zone && zone.Area.IsFree(pfn.Value);

    /// <summary>Whether boot took a frame and it was never managed (<c>PageReserved</c>).</summary>
    public bool IsReserved(Pfn pfn) => Frames.IsValid(pfn) && states[pfn.Value] == FrameState.Reserved;
}
