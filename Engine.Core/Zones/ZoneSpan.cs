using Engine.Core.Units;

namespace Engine.Core.Zones;

/// <summary>One zone as a range of frame numbers; holes inside it belong to the span, not to the memory present.</summary>
/// <param name="Node">NUMA node, 0-based.</param>
/// <param name="Type">The zone's kind.</param>
/// <param name="Start">First frame of the span (<c>zone_start_pfn</c>).</param>
/// <param name="SpannedPages">Frames from the first to the last, holes included.</param>
public readonly record struct ZoneSpan(int Node, ZoneType Type, Pfn Start, uint SpannedPages)
{
    /// <summary>How many frames are RAM (<c>present_pages</c>), where a recording says so; null counts what the memory banks have.</summary>
    public uint? PresentPages { get; init; }

    /// <summary>The first frame after the span.</summary>
    public Pfn End => Start + SpannedPages;

    /// <summary>Whether the span covers a frame.</summary>
    public bool Contains(Pfn pfn) => pfn >= Start && pfn < End;
}
