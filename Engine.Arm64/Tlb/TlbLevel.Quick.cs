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
    /// <param name="soon">An access that may be walked for soon, as <see cref="Translation.Access"/> packs it: its descriptor is fetched ahead.</param>
    /// <param name="slot">The slot of the new entry in <see cref="Group"/>.</param>
    /// <returns>False, with nothing changed, where the short way does not go.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryFill<TWalker>(TlbLevel second, ulong address, ulong allowBit, ulong tags, ref TWalker walker, ulong* walks, ulong* soon, out uint slot)
        where TWalker : struct, IPageWalker
    {
        Unsafe.SkipInit(out slot);
        if (freeCount != 0 || IsHere(address))
        {
            return false;
        }

        // What must be so in Meta, whether it comes from an entry or from the tables.
        ulong wanted = allowBit | TlbEntry.Plain | (tags & VmidMask);
        ulong needed = allowBit | TlbEntry.Plain | VmidMask;
        ulong meta;
        ulong delta;
        int sizeLog2;
        uint match = second.Match(address, out sizeLog2, out uint set);
        if (match != 0)
        {
            uint way = (uint)BitOperations.TrailingZeroCount(match);
            TlbEntry* source = second.entries + ((set * (uint)second.ways) + way);
            meta = source->Meta;
            if (((meta ^ wanted) & needed) != 0 || ((plainSizes >> sizeLog2) & 1) == 0)
            {
                return false;
            }

            delta = source->Delta;
            second.orders[set] = second.WithNewest(second.orders[set], way);
        }
        else
        {
            if (walks == null)
            {
                return false;
            }

            PlainTranslation found = walker.TryWalkPlain(new VirtAddr(address));
            walker.Prefetch(new VirtAddr(unchecked((ulong)((long)*soon >> Translation.Access.AddressShift))));
            meta = found.Meta | tags;
            sizeLog2 = (int)(meta >> TlbEntry.EntrySizeShift) & 63;
            if (((meta ^ wanted) & needed) != 0 || (((plainSizes & second.plainSizes) >> sizeLog2) & 1) == 0)
            {
                return false;
            }

            walks[found.WalkIndex]++;
            second.misses++;
            delta = unchecked(found.Output - (address & (ulong.MaxValue << sizeLog2)));
            second.FillPlain(address, sizeLog2, delta, meta);
        }

        misses++;
        second.lookups++;
        slot = FillPlainOldest(address, sizeLog2, delta, meta);
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

    // The ways of a set that hold an address, as a mask; the VMID is not compared. 0: none has it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint Match(ulong address, out int sizeLog2, out uint set)
    {
        Unsafe.SkipInit(out sizeLog2);
        Unsafe.SkipInit(out set);
        uint match = 0;
        for (ulong present = presentSizes; present != 0 && match == 0; present &= present - 1)
        {
            sizeLog2 = BitOperations.TrailingZeroCount(present);
            set = SetOf(address, sizeLog2);
            match = MatchInSet(set, LaneAddress(address, sizeLog2));
        }

        return match;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint MatchInSet(uint set, ulong key)
    {
        // SAFETY: set is below the number of sets; laneStride is 4 or 8.
        ulong* lane = lanes + (set * laneStride);
        Vector256<ulong> own = Vector256.Create(key | laneAsid);
        Vector256<ulong> low = Vector256.Equals(Vector256.Load(lane), own);
        uint mask = low.ExtractMostSignificantBits();
        if (laneStride > 4)
        {
            mask |= Vector256.Equals(Vector256.Load(lane + 4), own).ExtractMostSignificantBits() << 4;
        }

        return hasGlobals ? mask | MatchGlobalInSet(lane, key) : mask;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint MatchGlobalInSet(ulong* lane, ulong key)
    {
        Vector256<ulong> global = Vector256.Create(key | LaneGlobal | LaneUsed);
        uint mask = Vector256.Equals(Vector256.Load(lane), global).ExtractMostSignificantBits();
        return laneStride > 4 ? mask | (Vector256.Equals(Vector256.Load(lane + 4), global).ExtractMostSignificantBits() << 4) : mask;
    }

    // A plain entry of a level with sets, in place of its set's oldest one.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void FillPlain(ulong address, int sizeLog2, ulong delta, ulong meta)
    {
        uint set = SetOf(address, sizeLog2);
        ulong order = orders[set];
        uint way = OldestOf(order);
        orders[set] = WithNewest(order, way);
        TlbEntry* entry = entries + ((set * (uint)ways) + way);
        Write(entry, address, sizeLog2, delta, meta);
        lanes[(set * laneStride) + way] = ((meta >> TlbEntry.GlobalShift) & 1) != 0
            ? LaneOf(address, sizeLog2, meta)
            : LaneAddress(address, sizeLog2) | laneAsid;
    }

    // A plain entry in place of this fully associative level's oldest one.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint FillPlainOldest(ulong address, int sizeLog2, ulong delta, ulong meta)
    {
        AssociativeEntries shared = Group!;
        uint global = shared.TakeOldest(groupPart, (uint)FirstSlot, (uint)entryCount);
        uint slot = global - (uint)FirstSlot;
        Unlink(slot);
        Write(entries + slot, address, sizeLog2, delta, meta);
        Link(slot, address, sizeLog2);
        shared.Append(global);
        return global;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Write(TlbEntry* entry, ulong address, int sizeLog2, ulong delta, ulong meta)
    {
        if (((entry->Meta ^ meta) & (TlbEntry.Plain | TlbEntry.EntrySizeMask)) != 0)
        {
            CountPlain(entry, sizeLog2);
        }

        ulong mask = ulong.MaxValue << sizeLog2;
        entry->Tag = address & mask;
        entry->Mask = mask;
        entry->Delta = delta;
        entry->Meta = meta;
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
}
