namespace Engine.Core.Frames;

/// <summary>
/// The dense state of a frame, one byte beside the descriptors, for the checks of the hot path. A block's state stands at its
/// first frame; the frames behind it hold <see cref="Free"/>, which is also what boot finds. Never packed below a byte, because
/// several CPUs write neighbouring frames.
/// <code>kind (4 bits) | order (4 bits)</code>
/// </summary>
internal static class FrameState
{
    /// <summary>In the free area, inside a block, or never managed: the bitmaps tell which.</summary>
    public const byte Free = 0;

    /// <summary>A single frame that the background worker has diced for a list.</summary>
    public const byte Diced = 3;

    /// <summary>Taken by boot; never managed.</summary>
    public const byte Reserved = 4;

    /// <summary>First frame of a free block that compaction or a range allocation holds for the moment.</summary>
    public const byte Held = 6;

    /// <summary>First frame of a block on a per-CPU list; the order is added.</summary>
    public const byte PerCpu = 0x40;

    /// <summary>First frame of a block whose freeing was deferred; the order is added.</summary>
    public const byte Deferred = 0x60;

    /// <summary>First frame of a block that was found bad and is never used again; the order is added.</summary>
    public const byte Leaked = 0xa0;

    /// <summary>First frame of an allocated block; the order is added.</summary>
    public const byte Allocated = 0x10;

    /// <summary>First frame of an allocated compound page; the order is added.</summary>
    public const byte Compound = 0x30;

    /// <summary>Whether the state is that of an allocated block's first frame.</summary>
    public static bool IsAllocated(byte state) => (state & 0xd0) == Allocated && (state & 0xf) <= Units.Order.MaxValue;

    /// <summary>Whether the state is of a kind to which an order is added.</summary>
    public static bool Is(byte state, byte kind) => (state & 0xf0) == kind;

    /// <summary>The order of a block, where the kind has one.</summary>
    public static int OrderOf(byte state) => state & 0xf;
}
