using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>Events that only an attached observer sees.</content>
public sealed unsafe partial class PageAllocator
{
    /// <summary>Called after each <c>mm_page_alloc_extfrag</c>, under the zone's lock; null costs nothing.</summary>
    public Action<ExtFragEvent>? ExtFragObserver { get; set; }

    internal void OnExtFrag(Pfn pfn, int order, int fallbackOrder, MigrateType type, MigrateType fallbackType, bool isClaimed) =>
        ExtFragObserver?.Invoke(new ExtFragEvent(pfn, new Order(order), new Order(fallbackOrder), type, fallbackType, isClaimed));
}
