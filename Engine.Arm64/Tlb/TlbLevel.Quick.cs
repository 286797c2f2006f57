// The short way from a second level's hit into the first level: what Find, Touch and Insert of both levels do, in one piece, for the
// shapes and moments where nothing special comes up: a full, fully associative LRU level over one with sets of up to eight
// ways, and entries of one page size only. In any other case it changes nothing, and the general way is taken.

using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Engine.Arm64.Tlb;

internal sealed unsafe partial class TlbLevel
{
    private const int QuickWaysMax = 8;

    /// <summary>Whether <see cref="TryFillFrom"/> can ever succeed.</summary>
    public bool CanFillQuicklyFrom(TlbLevel second) =>
        isFull && policy == ReplacementPolicy.Lru && aggregationMax == 0
        && !second.isFull && second.policy == ReplacementPolicy.Lru && second.ways <= QuickWaysMax && second.ways > 1;

    /// <summary>Fills this level from a hit of the second, and counts both lookups.</summary>
    /// <param name="second">The next level.</param>
    /// <param name="address">An address that no hint led to.</param>
    /// <param name="allowBit">The bit of <see cref="TlbEntry.Meta"/> that must be set.</param>
    /// <returns>The new entry; null, with nothing changed, where the short way does not go.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public TlbEntry* TryFillFrom(TlbLevel second, ulong address, ulong allowBit)
    {
        ulong present = presentSizes;
        if (present != second.presentSizes || (present & (present - 1)) != 0 || freeCount != 0)
        {
            return null;
        }

        int sizeLog2 = BitOperations.TrailingZeroCount(present);
        uint hash = HashOf(address, sizeLog2);
        for (uint chained = heads[hash]; chained != none; chained = nexts[chained])
        {
            if ((address & entries[chained].Mask) == entries[chained].Tag)
            {
                return null;
            }
        }

        uint set = second.SetOf(address, sizeLog2);
        uint match = second.MatchInSet(set, LaneAddress(address, sizeLog2));
        if (match == 0)
        {
            return null;
        }

        uint way = (uint)BitOperations.TrailingZeroCount(match);
        TlbEntry* source = second.entries + ((set * (uint)second.ways) + way);
        const ulong VmidMask = (ulong)ushort.MaxValue << TlbEntry.VmidShift;
        ulong wanted = ((ulong)currentVmid << TlbEntry.VmidShift) | allowBit | TlbEntry.Plain;
        if ((source->Meta & (VmidMask | allowBit | TlbEntry.Plain)) != wanted || ((plainSizes >> sizeLog2) & 1) == 0)
        {
            return null;
        }

        ulong order = second.orders[set];
        ulong below = (1UL << PlaceOf(order, way)) - 1;
        second.orders[set] = (order & (~below << 4)) | ((order & below) << 4) | way;

        AssociativeEntries shared = Group!;
        uint global = shared.TakeOldest(groupPart, (uint)FirstSlot, (uint)entryCount);
        uint slot = global - (uint)FirstSlot;
        TlbEntry* entry = entries + slot;
        if ((entry->Meta & TlbEntry.Plain) == 0)
        {
            CountSizes(entry, source);
        }

        Unlink(slot);
        Vector256.Store(Vector256.Load((byte*)source), (byte*)entry);
        hashes[slot] = (ushort)hash;
        nexts[slot] = heads[hash];
        heads[hash] = (ushort)slot;
        shared.Append(global);
        misses++;
        second.lookups++;
        return entry;
    }

    // The ways of a set that hold an address, as a mask; the VMID is not compared.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint MatchInSet(uint set, ulong key)
    {
        // SAFETY: set is below the number of sets; laneStride is 4 or 8.
        ulong* lane = lanes + (set * laneStride);
        Vector256<ulong> own = Vector256.Create(key | laneAsid);
        Vector256<ulong> global = Vector256.Create(key | LaneGlobal | LaneUsed);
        Vector256<ulong> low = Vector256.Load(lane);
        Vector256<ulong> match = Vector256.Equals(low, own) | Vector256.Equals(low, global);
        uint mask = match.ExtractMostSignificantBits();
        if (laneStride > 4)
        {
            Vector256<ulong> high = Vector256.Load(lane + 4);
            mask |= (Vector256.Equals(high, own) | Vector256.Equals(high, global)).ExtractMostSignificantBits() << 4;
        }

        return mask;
    }
}
