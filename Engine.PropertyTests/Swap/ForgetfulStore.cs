using Engine.Core.Swap;

namespace Engine.PropertyTests.Swap;

/// <summary>A store with a planted bug: it gives the content of the slot before, now and then.</summary>
internal sealed class ForgetfulStore(ulong lengthBytes) : ISwapStore
{
    private readonly MemorySwapStore store = new(lengthBytes);

    public ulong SlotCount => store.SlotCount;

    public bool IsSynchronous => true;

    public bool Write(ulong slot, ReadOnlySpan<byte> page) => store.Write(slot, page);

    public bool Read(ulong slot, Span<byte> page) => store.Read(slot % 3 == 0 ? slot - 1 : slot, page);

    public void Discard(ulong slot) => store.Discard(slot);
}
