namespace Engine.Core.Swap;

/// <summary>
/// One slot's word in a swap area's map, in the arena. It is a byte of <c>swap_map</c> and an entry of the swap cache's index in one
/// (Linux joined the two in 6.18's swap table): how many page-table entries, and indexes of shared memory, refer to the slot, and the frame that caches it.
/// <code>
///   63     62..32             31..0
///   bad    count              frame that caches it, plus one; 0 is none
/// </code>
/// A word of zero is a free slot.
/// </summary>
internal readonly struct SwapSlot(ulong value)
{
    public const ulong Bad = 1UL << 63;
    public const uint CountMax = int.MaxValue;
    private const int CountShift = 32;
    private const ulong FrameMask = uint.MaxValue;

    public readonly ulong Value = value;

    public bool IsFree => Value == 0;

    public bool IsBad => (Value & Bad) != 0;

    public uint Count => (uint)((Value >> CountShift) & CountMax);

    public bool IsCached => (Value & FrameMask) != 0;

    public uint Frame => unchecked((uint)Value - 1);

    public static SwapSlot Used(uint count, uint framePlusOne) => new(((ulong)count << CountShift) | framePlusOne);

    public SwapSlot WithCount(uint count) => Used(count, unchecked((uint)Value));

    public SwapSlot WithFrame(uint frame) => Used(Count, frame + 1);

    public SwapSlot WithoutFrame() => Used(Count, 0);
}
