// Finding in a fully associative level: a hash table with chains, by page number; AssociativeEntries draws it. Entries of all page
// sizes share the table; each is hashed with the page number of its own size, so a lookup probes once for each size that is
// present. Slots in the table are those of the group.

using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Arm64.Tlb;

internal sealed unsafe partial class TlbLevel
{
    /// <summary>Where a word of the index, or a link, has the next slot of a chain.</summary>
    public const int ChainShift = 16;

    /// <summary>That slot's bits.</summary>
    public const uint ChainMask = (uint)ushort.MaxValue << ChainShift;

    private uint* index;
    private uint indexMask;
    private uint* links;

    // The slot of `Nothing`: the end of every chain.
    private uint none;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private TlbEntry* FindHashed(ulong address)
    {
        TlbEntry* all = Group!.Entries;
        for (ulong present = presentSizes; present != 0; present &= present - 1)
        {
            uint slot = index[BucketOf(address, BitOperations.TrailingZeroCount(present))] >> ChainShift;
            while (slot != none)
            {
                TlbEntry* entry = all + slot;
                if ((address & entry->Mask) == entry->Tag)
                {
                    return entry;
                }

                slot = links[slot] >> ChainShift;
            }
        }

        return null;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint BucketOf(ulong address, int sizeLog2) => (uint)(address >> sizeLog2) & indexMask;

    private void Link(uint slot, ulong address, int sizeLog2)
    {
        uint bucket = BucketOf(address, sizeLog2);
        uint word = index[bucket];
        links[slot] = bucket | (word & ChainMask);
        index[bucket] = (ushort)word | (slot << ChainShift);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Unlink(uint slot)
    {
        uint link = links[slot];
        uint bucket = (ushort)link;
        uint word = index[bucket];
        if (word >> ChainShift == slot)
        {
            index[bucket] = (ushort)word | (link & ChainMask);
            return;
        }

        uint before = word >> ChainShift;
        while (links[before] >> ChainShift != slot)
        {
            before = links[before] >> ChainShift;
        }

        links[before] = (ushort)links[before] | (link & ChainMask);
    }

    private void ClearHash() => new Span<uint>(index, (int)indexMask + 1).Fill(none | (none << ChainShift));

    private void LayOutHash()
    {
        AssociativeEntries shared = Group!;
        none = (uint)(FirstSlot + entryCount);
        index = shared.Index + ((nuint)groupPart << shared.IndexBits);
        indexMask = (1u << shared.IndexBits) - 1;
        links = shared.Links;
    }
}
