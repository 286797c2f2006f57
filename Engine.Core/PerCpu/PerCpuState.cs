using System.Runtime.InteropServices;
using Engine.Core.Units;

namespace Engine.Core.PerCpu;

/// <summary>
/// What one CPU keeps of one zone, in the arena (the role of <c>struct per_cpu_pages</c> and of the CPU's share of the counters).
/// Written by the owner alone, but for <see cref="Inbox"/>.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
internal unsafe struct PerCpuState
{
    /// <summary>Bytes in the arena; a multiple of 128, so that two CPUs share no line.</summary>
    public const int SizeBytes = 640;

    /// <summary>Lists: 3 types × orders 0..3, and one for pageblocks (<c>NR_PCP_LISTS</c>).</summary>
    public const int ListCount = 13;

    /// <summary>The list of pageblock-sized blocks, of any type.</summary>
    public const int HugeList = 12;

    /// <summary>Pages on all lists.</summary>
    [FieldOffset(0)]
    public int Count;

    /// <summary>Beyond this many pages the lists are drained; floats between <see cref="HighMin"/> and <see cref="HighMax"/>.</summary>
    [FieldOffset(4)]
    public int High;

    /// <summary>See <see cref="High"/>.</summary>
    [FieldOffset(8)]
    public int HighMin;

    /// <summary>See <see cref="High"/>.</summary>
    [FieldOffset(12)]
    public int HighMax;

    /// <summary>Pages moved at a time.</summary>
    [FieldOffset(16)]
    public int Batch;

    /// <summary>Pages freed lately; halved by each allocation.</summary>
    [FieldOffset(20)]
    public int FreeCount;

    /// <summary>From here on <see cref="FreeCount"/> grows no further: the largest batch.</summary>
    [FieldOffset(24)]
    public int FreeCountMax;

    /// <summary>
    /// With fewer pages on the lists a run of freed high orders drains nothing: a batch where the CPU's data cache holds more than three
    /// of them (<c>PCPF_FREE_HIGH_BATCH</c>), else 0.
    /// </summary>
    [FieldOffset(28)]
    public int FreeHighMin;

    /// <summary>The next three fields at once: while it is 0, a free has nothing else to look after.</summary>
    [FieldOffset(32)]
    public ulong Pending;

    /// <summary>A refill takes batch &lt;&lt; this; halved by each free.</summary>
    [FieldOffset(32)]
    public ushort AllocFactor;

    /// <summary>1 where the last free was of order 1..3 (<c>PCPF_PREV_FREE_HIGH_ORDER</c>), else 0.</summary>
    [FieldOffset(34)]
    public ushort IsAfterHighOrder;

    /// <summary>What other CPUs want: see <see cref="InboxRequests"/>.</summary>
    [FieldOffset(36)]
    public int Inbox;

    /// <summary>First chunk of the free chunks, plus one; 0 is none.</summary>
    [FieldOffset(40)]
    public uint FreeChunk;

    /// <summary>Chunks that were never used begin here.</summary>
    [FieldOffset(44)]
    public uint FreshChunk;

    /// <summary>Ticks until the lists of a remote node are drained.</summary>
    [FieldOffset(48)]
    public int Expire;

    /// <summary>From this <see cref="FreeCount"/> on, freed high orders are a run, which leaves the lists (<c>free_unref_page_commit</c>).</summary>
    [FieldOffset(52)]
    public int FreeRunMin;

    /// <summary>The lists.</summary>
    [FieldOffset(56)]
    public PageStack FirstList;

    /// <summary>Allocations by order (each counts once).</summary>
    [FieldOffset(160)]
    public fixed long Allocated[Order.Count];

    /// <summary>Frees by order that no list took; the others follow from the flow through the lists.</summary>
    [FieldOffset(256)]
    public fixed long FreedElsewhere[Order.Count];

    /// <summary>Allocations by order that no list served.</summary>
    [FieldOffset(344)]
    public fixed long AllocatedElsewhere[Order.Count];

    /// <summary>Allocations from this zone although another node was preferred (<c>numa_miss</c>).</summary>
    [FieldOffset(432)]
    public long NumaMiss;

    /// <summary>Allocations that preferred this zone's node and went elsewhere (<c>numa_foreign</c>).</summary>
    [FieldOffset(440)]
    public long NumaForeign;

    /// <summary>Allocations by this CPU although it belongs to another node (<c>numa_other</c>).</summary>
    [FieldOffset(448)]
    public long NumaOther;

    /// <summary>By order: blocks moved from the free area to the lists, less those that left them for the free area or were found bad.</summary>
    [FieldOffset(456)]
    public fixed long NetRefilled[Order.Count];

    /// <summary>Blocks moved from the lists to the free area (<c>mm_page_pcpu_drain</c>).</summary>
    [FieldOffset(544)]
    public long Drained;

    /// <summary>Blocks moved from the free area to the lists.</summary>
    [FieldOffset(552)]
    public long Refilled;
}
