// Finding in a fully associative level: a hash table with chains, by page number.
//
// heads[hash] is the first slot of a chain, nexts[slot] the next one, `none` the end. Entries of all page sizes share the
// table; each is hashed with the page number of its own size, so a lookup probes once for each size that is present.

using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Arm64.Tlb;

internal sealed unsafe partial class TlbLevel
{
    private const int HashBitsMin = 9;

    private ushort* heads;
    private ushort* nexts;
    private ushort* hashes;
    private uint hashMask;
    private int hashBits;

    // The slot of `Nothing`: the end of every chain.
    private ushort none;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private TlbEntry* FindHashed(ulong address)
    {
        ulong present = presentSizes;
        while (present != 0)
        {
            uint slot = heads[HashOf(address, BitOperations.TrailingZeroCount(present))];
            while (slot != none)
            {
                TlbEntry* entry = entries + slot;
                if ((address & entry->Mask) == entry->Tag)
                {
                    return entry;
                }

                slot = nexts[slot];
            }

            present &= present - 1;
        }

        return null;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint HashOf(ulong address, int sizeLog2)
    {
        uint page = unchecked((uint)(address >> sizeLog2));
        return (page ^ (page >> hashBits)) & hashMask;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Link(uint slot, ulong address, int sizeLog2)
    {
        uint hash = HashOf(address, sizeLog2);
        hashes[slot] = (ushort)hash;
        nexts[slot] = heads[hash];
        heads[hash] = (ushort)slot;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Unlink(uint slot)
    {
        ushort* link = heads + hashes[slot];
        while (*link != slot)
        {
            link = nexts + *link;
        }

        *link = nexts[slot];
    }

    private void ClearHash() => new Span<ushort>(heads, (int)hashMask + 1).Fill(none);

    private void LayOutHash(byte* start, ref long offset)
    {
        none = (ushort)entryCount;
        hashBits = Math.Max(HashBitsMin, BitOperations.Log2(RoundUpToPowerOf2(entryCount)) + 1);
        hashMask = (1u << hashBits) - 1;
        heads = (ushort*)Carve(start, ref offset, (hashMask + 1L) * sizeof(ushort));
        hashes = (ushort*)Carve(start, ref offset, (long)entryCount * sizeof(ushort));
        nexts = (ushort*)Carve(start, ref offset, (entryCount + 1L) * sizeof(ushort));
    }
}
