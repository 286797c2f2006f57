namespace Engine.Core.Swap;

/// <summary>
/// One slot's word in a swap area's map, in the arena. It is a byte of <c>swap_map</c>, an entry of the swap cache's index and a bit of <c>zeromap</c> in one
/// (Linux joined the first two in 6.18's swap table): how many page-table entries, and indexes of shared memory, refer to the slot, and the frame that caches it.
/// <code>
///   63     62            61..32             31..0
///   bad    all zero      count              frame that caches it, plus one; 0 is none
/// </code>
/// A slot without count and frame is free.
/// </summary>
internal readonly struct SwapSlot(ulong value)
{
    public const ulong Bad = 1UL << 63;
    public const uint CountMax = (1u << 30) - 1;
    private const ulong Zero = 1UL << 62;
    private const int CountShift = 32;
    private const ulong FrameMask = uint.MaxValue;

    public readonly ulong Value = value;

    public bool IsFree => (Value & ~Zero) == 0;

    public bool IsBad => (Value & Bad) != 0;

    public bool IsZero => (Value & Zero) != 0;

    public uint Count => (uint)(Value >> CountShift) & CountMax;

    public bool IsCached => (Value & FrameMask) != 0;

    public uint Frame => unchecked((uint)Value - 1);

    public static SwapSlot Used(uint count, uint framePlusOne) => new(((ulong)count << CountShift) | framePlusOne);

    public SwapSlot WithCount(uint count) => new((Value & (Zero | FrameMask)) | ((ulong)count << CountShift));

    public SwapSlot WithFrame(uint frame) => new((Value & ~FrameMask) | (frame + 1));

    public SwapSlot WithoutFrame() => new(Value & ~FrameMask);

    public SwapSlot WithZero(bool isZero) => new(isZero ? Value | Zero : Value & ~Zero);
}
