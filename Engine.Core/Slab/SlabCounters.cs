// The word of a slab that several CPUs change, always as a whole and by one compare-and-swap. It is Linux's pair
// (freelist, counters) of struct slab, in 64 bits: the freelist's head is an object's index instead of a pointer.
//
//   63        48 47     46       32 31     16 15        0
//  +------------+------+-----------+---------+-----------+
//  | unused     |frozen| objects   | inuse   | head + 1  |
//  +------------+------+-----------+---------+-----------+
//
// frozen: the slab belongs to a CPU; its free objects are on that CPU's list, and this word's list
// holds what other CPUs freed meanwhile. Taking from the list always takes the whole list, so that a head
// that comes back (ABA) does no harm.

namespace Engine.Core.Slab;

/// <summary>A slab's freelist head and counters in one word.</summary>
internal readonly record struct SlabCounters(ulong Word)
{
    private const int InUseShift = 16;
    private const int ObjectsShift = InUseShift + 16;
    private const int FrozenShift = ObjectsShift + 15;
    private const ulong HeadMask = 0xffff;
    private const ulong InUseMask = 0xffffUL << InUseShift;
    private const ulong ObjectsMask = 0x7fffUL << ObjectsShift;
    private const ulong FrozenBit = 1UL << FrozenShift;

    /// <summary>Packs a word.</summary>
    /// <param name="head">Index of the first free object, or -1.</param>
    /// <param name="inUse">Objects not on the list.</param>
    /// <param name="objects">Objects in the slab.</param>
    /// <param name="isFrozen">Whether a CPU owns the slab.</param>
    public SlabCounters(int head, int inUse, int objects, bool isFrozen)
        : this((ulong)(uint)(head + 1) | ((ulong)(uint)inUse << InUseShift) | ((ulong)(uint)objects << ObjectsShift) | (isFrozen ? FrozenBit : 0))
    {
    }

    /// <summary>Index of the first free object; -1 where there is none.</summary>
    public int Head => (int)(Word & HeadMask) - 1;

    /// <summary>Whether the list is empty.</summary>
    public bool IsListEmpty => (Word & HeadMask) == 0;

    /// <summary>Objects that are not on the list.</summary>
    public int InUse => (int)((Word & InUseMask) >> InUseShift);

    /// <summary>Objects in the slab.</summary>
    public int Objects => (int)((Word & ObjectsMask) >> ObjectsShift);

    /// <summary>Whether a CPU owns the slab.</summary>
    public bool IsFrozen => (Word & FrozenBit) != 0;

    /// <summary>The word after all free objects went to a CPU that owns the slab from now on.</summary>
    public SlabCounters TakenBy(bool isFrozen) => new(-1, Objects, Objects, isFrozen);
}
