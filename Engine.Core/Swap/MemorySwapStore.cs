using Engine.Core.Units;

namespace Engine.Core.Swap;

/// <summary>Swap in host memory, as zram is: pages of zeroes take no room, and a slot's memory is used again when it is discarded.</summary>
public sealed class MemorySwapStore : ISwapStore
{
    private readonly byte[]?[] pages;
    private readonly Stack<byte[]> unused = [];

    /// <summary>Makes an empty store.</summary>
    /// <param name="lengthBytes">Its length, at least two pages; rounded down to pages.</param>
    /// <param name="isSynchronous">As <see cref="ISwapStore.IsSynchronous"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">Shorter than two pages, or longer than the host can keep track of.</exception>
    public MemorySwapStore(ulong lengthBytes, bool isSynchronous = true)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(lengthBytes, 2UL * Pfn.PageSizeBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(lengthBytes >> Pfn.PageShift, (ulong)Array.MaxLength, nameof(lengthBytes));
        pages = new byte[]?[lengthBytes >> Pfn.PageShift];
        IsSynchronous = isSynchronous;
    }

    /// <inheritdoc/>
    public ulong SlotCount => (ulong)pages.Length;

    /// <inheritdoc/>
    public bool IsSynchronous { get; }

    /// <inheritdoc/>
    public bool Write(ulong slot, ReadOnlySpan<byte> page)
    {
        if (slot >= SlotCount)
        {
            return false;
        }

        if (!page.ContainsAnyExcept((byte)0))
        {
            Discard(slot);
            return true;
        }

        lock (unused)
        {
            byte[] kept = pages[slot] ??= unused.TryPop(out byte[]? again) ? again : new byte[Pfn.PageSizeBytes];
            page.CopyTo(kept);
        }

        return true;
    }

    /// <inheritdoc/>
    public bool Read(ulong slot, Span<byte> page)
    {
        if (slot >= SlotCount)
        {
            return false;
        }

        if (pages[slot] is { } kept)
        {
            kept.CopyTo(page);
        }
        else
        {
            page[..Pfn.PageSizeBytes].Clear();
        }

        return true;
    }

    /// <inheritdoc/>
    public void Discard(ulong slot)
    {
        lock (unused)
        {
            if (slot < SlotCount && pages[slot] is { } kept)
            {
                pages[slot] = null;
                unused.Push(kept);
            }
        }
    }
}
