// Finding in a fully associative level: a hash table with chains, by page number; AssociativeEntries draws it. Entries of all page
// sizes share the table; each is hashed with the page number of its own size, so a lookup probes once for each size that is
// present. Slots in the table are those of the group.

using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Arm64.Tlb;

internal sealed unsafe partial class TlbLevel
{
    private IndexCell* index;
    private uint indexMask;
    private ChainLink* links;

    // The slot of `Nothing`: the end of every chain.
    private uint none;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private TlbEntry* FindHashed(ulong address)
    {
        TlbEntry* all = Group!.Entries;
        for (ulong present = presentSizes; present != 0; present &= present - 1)
        {
            uint slot = index[CellOf(address, BitOperations.TrailingZeroCount(present))].First;
            while (slot != none)
            {
                TlbEntry* entry = all + slot;
                if ((address & entry->Mask) == entry->Tag)
                {
                    return entry;
                }

                slot = links[slot].Next;
            }
        }

        return null;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint CellOf(ulong address, int sizeLog2) => unchecked((uint)(address >> sizeLog2)) & indexMask;

    private void Link(uint slot, ulong address, int sizeLog2)
    {
        uint cell = CellOf(address, sizeLog2);
        links[slot] = new ChainLink { Cell = (ushort)cell, Next = index[cell].First };
        index[cell].First = (ushort)slot;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Unlink(uint slot) => Unlink(index, links, slot);

    /// <summary>Takes a slot out of its chain.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unlink(IndexCell* index, ChainLink* links, uint slot)
    {
        // SAFETY: a used slot is in the chain of its cell.
        IndexCell* cell = index + links[slot].Cell;
        uint before = cell->First;
        if (before == slot)
        {
            cell->First = links[slot].Next;
            return;
        }

        while (links[before].Next != slot)
        {
            before = links[before].Next;
        }

        links[before].Next = links[slot].Next;
    }

    private void ClearHash() => new Span<IndexCell>(index, (int)indexMask + 1).Fill(new IndexCell { Hint = (ushort)none, First = (ushort)none });

    private void LayOutHash()
    {
        AssociativeEntries shared = Group!;
        none = (uint)(FirstSlot + entryCount);
        index = shared.Index + ((nuint)groupPart << shared.IndexBits);
        indexMask = (1u << shared.IndexBits) - 1;
        links = shared.Links;
    }
}
