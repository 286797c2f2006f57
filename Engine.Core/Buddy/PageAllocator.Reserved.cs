using Engine.Core.Frames;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>Boot's memory after boot.</content>
public sealed unsafe partial class PageAllocator
{
    /// <summary>Takes frames that boot had reserved into management (<c>free_reserved_area</c>). Watermarks stay as they are.</summary>
    /// <param name="start">First frame.</param>
    /// <param name="pageCount">Frames.</param>
    /// <exception cref="ArgumentException">Some frame is not boot's, or the range spans two zones; nothing has changed then.</exception>
    public void FreeReserved(Pfn start, uint pageCount)
    {
        Zone? zone = FindZone(start);
        if (zone is null || pageCount == 0 || pageCount > zone.Span.End - start
            || new Span<byte>(states + start.Value, (int)pageCount).ContainsAnyExcept(FrameState.Reserved))
        {
            throw new ArgumentException($"{pageCount} frames at {start} are not boot's frames of one zone", nameof(start));
        }

        // All zero is FrameState.Free.
        new Span<byte>(states + start.Value, (int)pageCount).Clear();
        zone.Acquire();
        zone.Area.PutRange(start.Value, start.Value + pageCount);
        zone.ManagedPages += pageCount;
        zone.UpdateFastMarks();
        zone.Release();
    }
}
