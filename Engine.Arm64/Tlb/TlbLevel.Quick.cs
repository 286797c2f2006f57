// The short way through a miss of the first level: what Find, Touch and Insert of both levels and the walk between them do, in
// one piece, for the shapes and moments where nothing special comes up: a full, fully associative LRU level over one with sets of up to
// eight ways, and plain entries only. In any other case it changes nothing, and the general way is taken.

using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Engine.Arm64.Units;

namespace Engine.Arm64.Tlb;

internal sealed unsafe partial class TlbLevel
{
    private const int QuickWaysMax = 8;
    private const ulong VmidMask = (ulong)ushort.MaxValue << TlbEntry.VmidShift;

    /// <summary>Whether <see cref="TryFill{TWalker}"/> can ever succeed.</summary>
    public bool CanFillQuicklyFrom(TlbLevel second) =>
        isFull && policy == ReplacementPolicy.Lru && aggregationMax == 0
        && !second.isFull && second.policy == ReplacementPolicy.Lru && second.ways <= QuickWaysMax && second.ways > 1;

    /// <summary>Fills this level from the second or, if that misses as well, both by a walk; counts lookups and misses of both.</summary>
    /// <param name="second">The next level.</param>
    /// <param name="address">An address that no hint led to.</param>
    /// <param name="allowBit">The bit of <see cref="TlbEntry.Meta"/> that must be set.</param>
    /// <param name="tags">ASID and VMID, as <see cref="TlbEntry.Meta"/> has them.</param>
    /// <param name="walker">Walks.</param>
    /// <param name="walks">Counts of walks by first and last level; null where only the second level may fill.</param>
    /// <param name="soon">An address that may be walked for soon: its descriptor is fetched ahead.</param>
    /// <param name="slot">The slot of the new entry in <see cref="Group"/>.</param>
    /// <returns>False, with nothing changed, where the short way does not go.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryFill<TWalker>(TlbLevel second, ulong address, ulong allowBit, ulong tags, ref TWalker walker, ulong* walks, ulong soon, out uint slot)
        where TWalker : struct, IPageWalker
    {
        Unsafe.SkipInit(out slot);
        if (freeCount != 0 || IsHere(address))
        {
            return false;
        }

        TlbEntry* source = second.TryTouchPlain(address, allowBit, out bool isThere);
        if (source == null)
        {
            if (isThere || walks == null || !walker.TryWalkPlain(new VirtAddr(address), out PlainTranslation found))
            {
                return false;
            }

            walker.Prefetch(new VirtAddr(soon));
            int pageSizeLog2 = (int)((found.Meta >> TlbEntry.EntrySizeShift) & 63);
            if ((found.Meta & allowBit) == 0 || (((plainSizes & second.plainSizes) >> pageSizeLog2) & 1) == 0)
            {
                return false;
            }

            walks[found.WalkIndex]++;
            second.misses++;
            source = second.FillPlain(address, found.Meta | tags, found.Output, pageSizeLog2);
        }
        else if (((plainSizes >> source->SizeLog2) & 1) == 0)
        {
            // A use that the general way will note again changes no order.
            return false;
        }

        misses++;
        second.lookups++;
        slot = TakeOver(source, address);
        return true;
    }

    // Whether this fully associative level has the address, whatever the hints say.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsHere(ulong address)
    {
        for (ulong present = presentSizes; present != 0; present &= present - 1)
        {
            for (uint slot = heads[HashOf(address, BitOperations.TrailingZeroCount(present))]; slot != none; slot = nexts[slot])
            {
                if ((address & entries[slot].Mask) == entries[slot].Tag)
                {
                    return true;
                }
            }
        }

        return false;
    }

    // The plain entry of a level with sets that translates and allows an access, now its set's most recent one. Null with isThere: there is one of another kind.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private TlbEntry* TryTouchPlain(ulong address, ulong allowBit, out bool isThere)
    {
        isThere = false;
        for (ulong present = presentSizes; present != 0; present &= present - 1)
        {
            int sizeLog2 = BitOperations.TrailingZeroCount(present);
            uint set = SetOf(address, sizeLog2);
            uint match = MatchInSet(set, LaneAddress(address, sizeLog2));
            if (match == 0)
            {
                continue;
            }

            isThere = true;
            uint way = (uint)BitOperations.TrailingZeroCount(match);
            TlbEntry* entry = entries + ((set * (uint)ways) + way);
            ulong wanted = ((ulong)currentVmid << TlbEntry.VmidShift) | allowBit | TlbEntry.Plain;
            if ((entry->Meta & (VmidMask | allowBit | TlbEntry.Plain)) != wanted)
            {
                return null;
            }

            ulong order = orders[set];
            ulong below = (1UL << PlaceOf(order, way)) - 1;
            orders[set] = (order & (~below << 4)) | ((order & below) << 4) | way;
            return entry;
        }

        return null;
    }

    // A plain entry of a level with sets, in place of its set's oldest one.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private TlbEntry* FillPlain(ulong address, ulong meta, ulong output, int sizeLog2)
    {
        ulong mask = ulong.MaxValue << sizeLog2;
        ulong tag = address & mask;
        uint set = SetOf(address, sizeLog2);
        ulong order = orders[set];
        int last = (ways - 1) * 4;
        uint way = (uint)((order >> last) & 15);
        orders[set] = ((order & ((1UL << last) - 1)) << 4) | way;
        TlbEntry* entry = entries + ((set * (uint)ways) + way);
        if (((entry->Mask ^ mask) | (~entry->Meta & TlbEntry.Plain)) != 0)
        {
            CountPlain(entry, sizeLog2);
        }

        entry->Tag = tag;
        entry->Mask = mask;
        entry->Delta = unchecked(output - tag);
        entry->Meta = meta;
        lanes[(set * laneStride) + way] = LaneOf(tag, sizeLog2, meta);
        return entry;
    }

    // A plain entry of the second level replaces this level's oldest one.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint TakeOver(TlbEntry* source, ulong address)
    {
        AssociativeEntries shared = Group!;
        uint global = shared.TakeOldest(groupPart, (uint)FirstSlot, (uint)entryCount);
        uint slot = global - (uint)FirstSlot;
        TlbEntry* entry = entries + slot;
        ulong mask = source->Mask;
        if (((entry->Mask ^ mask) | (~entry->Meta & TlbEntry.Plain)) != 0)
        {
            CountPlain(entry, source->SizeLog2);
        }

        // Word by word: the source may have been written a moment ago, and a wider load would have to wait for that.
        Unlink(slot);
        entry->Tag = source->Tag;
        entry->Mask = mask;
        entry->Delta = source->Delta;
        entry->Meta = source->Meta;
        Link(slot, address, source->SizeLog2);
        shared.Append(global);
        return global;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void CountPlain(TlbEntry* old, int sizeLog2)
    {
        if (old->IsUsed)
        {
            ForgetSize(old->SizeLog2);
            pieceCount -= old->IsPiece ? 1 : 0;
        }

        RememberSize(sizeLog2);
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
