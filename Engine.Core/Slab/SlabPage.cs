using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.Slab;

/// <summary>
/// A slab: the view of its head frame's descriptor that Linux calls <c>struct slab</c> (mm/slab.h).
/// Only <see cref="SlabArena"/> makes one, after it has checked that the descriptor is a slab's head.
/// </summary>
internal readonly unsafe struct SlabPage
{
    // Linux's page flags as a slab uses them: PG_slab, and PG_workingset for SLAB_NODE_PARTIAL.
    internal const ulong NodePartialFlag = (ulong)FrameFlags.Workingset;
    internal const ulong SlabFlag = (ulong)FrameFlags.Slab;

    private readonly Frame* frame;

    /// <summary>Wraps a checked descriptor.</summary>
    internal SlabPage(Frame* frame, uint pfn)
    {
        this.frame = frame;
        Number = pfn;
    }

    /// <summary>The head frame's number.</summary>
    public uint Number { get; }

    /// <summary>The slab's first byte.</summary>
    public ulong Start => (ulong)Number << Pfn.PageShift;

    /// <summary>The owner.</summary>
    public SlabTag Tag => new(frame->Next);

    /// <summary>The slab's length in bytes.</summary>
    public ulong LengthBytes => (ulong)Pfn.PageSizeBytes << Tag.Order;

    /// <summary>Freelist and counters.</summary>
    public SlabCounters Counters
    {
        // SAFETY: frame was checked to lie in the frame table when this view was made; so for all members below.
        get => new(Volatile.Read(ref frame->Index));
        set => Volatile.Write(ref frame->Index, value.Word);
    }

    /// <summary>Whether the slab is on a node's partial list (<c>slab_test_node_partial</c>).</summary>
    public bool IsOnNodePartial
    {
        get => (frame->Flags & NodePartialFlag) != 0;
        set => frame->Flags = value ? frame->Flags | NodePartialFlag : frame->Flags & ~NodePartialFlag;
    }

    /// <summary>Head frame of the next slab on the list.</summary>
    public uint Next
    {
        get => unchecked((uint)frame->Previous);
        set => frame->Previous = (frame->Previous & ~0xffff_ffffUL) | value;
    }

    /// <summary>Head frame of the previous slab on the list; on a CPU's partial list the slabs from here on (<c>slabs</c>).</summary>
    public uint Previous
    {
        get => (uint)(frame->Previous >> 32);
        set => frame->Previous = unchecked((uint)frame->Previous) | ((ulong)value << 32);
    }

    /// <summary>Changes freelist and counters if nobody else did.</summary>
    public bool TryUpdate(SlabCounters old, SlabCounters updated) =>
        Interlocked.CompareExchange(ref frame->Index, updated.Word, old.Word) == old.Word;
}
