namespace Engine.Core.Swap;

/// <summary>What holds the content of a swap area: a device or a file. Slots are pages of 4,096 bytes; slot 0 is never used.</summary>
public interface ISwapStore
{
    /// <summary>Slots, slot 0 among them.</summary>
    public ulong SlotCount { get; }

    /// <summary>Whether a page is out, or in, when the call returns, as on zram (<c>SWP_SYNCHRONOUS_IO</c>): such pages need no read-ahead.</summary>
    public bool IsSynchronous { get; }

    /// <summary>Writes one page.</summary>
    /// <returns>False where the device fails.</returns>
    public bool Write(ulong slot, ReadOnlySpan<byte> page);

    /// <summary>Reads one page.</summary>
    /// <returns>False where the device fails; the content of <paramref name="page"/> is then undefined.</returns>
    public bool Read(ulong slot, Span<byte> page);

    /// <summary>Nobody needs a slot's content any more (<c>swap_slot_free_notify</c>).</summary>
    public void Discard(ulong slot);
}
