using System.Runtime.InteropServices;
using Engine.Core.Migration;

namespace Engine.Core.Zones;

/// <summary>
/// A zone's changing state, in the arena (the role of <c>struct zone</c>). What the fast path reads of every operation comes first, and
/// rarely changes; the rest begins 128 bytes later. What moves with every batch is in <see cref="Buddy.FreePart"/>. The locks belong to the host.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
internal unsafe struct ZoneState
{
    /// <summary>Bytes in the arena.</summary>
    public const int SizeBytes = 512;

    /// <summary><see cref="ZoneFlags"/>.</summary>
    [FieldOffset(12)]
    public int Flags;

    /// <summary>By the highest zone allowed: free pages above this pass every watermark that the fast path must check.</summary>
    [FieldOffset(16)]
    public fixed long FastMark[ZoneTypes.Count];

    /// <summary>Pages in pageblocks of the high-atomic reserve (<c>nr_reserved_highatomic</c>).</summary>
    [FieldOffset(144)]
    public long ReservedHighAtomic;

    /// <summary>Pages by which the watermarks are raised for now (<c>watermark_boost</c>).</summary>
    [FieldOffset(152)]
    public long WatermarkBoost;

    /// <summary>Watermarks without boost, by <see cref="Watermark"/>.</summary>
    [FieldOffset(176)]
    public fixed uint Marks[4];

    /// <summary>By the highest zone allowed: pages kept from such allocations (<c>lowmem_reserve</c>).</summary>
    [FieldOffset(192)]
    public fixed long LowmemReserve[ZoneTypes.Count];

    /// <summary>Pageblocks of type Isolate (<c>nr_isolate_pageblock</c>).</summary>
    [FieldOffset(224)]
    public long IsolatedPageBlocks;

    /// <summary>Pages reported bad and never used again.</summary>
    [FieldOffset(232)]
    public long LeakedPages;

    /// <summary>Free blocks taken from another type (<c>mm_page_alloc_extfrag</c>).</summary>
    [FieldOffset(240)]
    public long ExtFrag;

    /// <summary>Of them, smaller than a pageblock (<c>fragmenting=1</c>).</summary>
    [FieldOffset(248)]
    public long ExtFragFragmenting;

    /// <summary>Of them, the pageblock changed its type (<c>change_ownership=1</c>).</summary>
    [FieldOffset(256)]
    public long ExtFragOwnership;

    /// <summary>Blocks that per-CPU lists gave back (<c>mm_page_pcpu_drain</c>).</summary>
    [FieldOffset(264)]
    public long PerCpuDrained;

    /// <summary>Where compaction stands.</summary>
    [FieldOffset(272)]
    public ZoneScan Compaction;
}
