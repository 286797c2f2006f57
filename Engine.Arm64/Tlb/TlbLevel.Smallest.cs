using System.Numerics;

namespace Engine.Arm64.Tlb;

internal sealed unsafe partial class TlbLevel
{
    /// <summary>
    /// Finds the smallest of the entries that an address has. In a walk cache it has several, one for each table level; a lookup in a TLB is
    /// content with any, since more than one is a conflict.
    /// </summary>
    /// <returns>Null where there is none.</returns>
    public TlbEntry* FindSmallest(ulong address)
    {
        if (!isFull)
        {
            return FindInSets(address);
        }

        // A chain holds entries of other sizes too, whose place in the index is the same by chance.
        TlbEntry* all = Group!.Entries;
        for (ulong present = presentSizes; present != 0; present &= present - 1)
        {
            int sizeLog2 = BitOperations.TrailingZeroCount(present);
            for (uint slot = index[CellOf(address, sizeLog2)].First; slot != none; slot = links[slot].Next)
            {
                TlbEntry* entry = all + slot;
                if ((address & entry->Mask) == entry->Tag && entry->SizeLog2 == sizeLog2)
                {
                    return entry;
                }
            }
        }

        return null;
    }
}
