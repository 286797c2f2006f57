// The short way through a miss of the first level: what Find, Touch and Insert of both levels and the walk between them do, in
// one piece, for the shapes and moments where nothing special comes up: a full, fully associative LRU level over one with sets of up to
// eight ways, and plain entries of the page size that hints go by. In any other case it changes nothing, and the general way is taken.
//
// It is written for few instructions: the time of a miss is their number.

using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.Tlb;

public sealed unsafe partial class TranslationUnit<TWalker, TObserver>
{
    // What an entry must have right to be filled by the short way.
    private const ulong QuickMask = ((ulong)ushort.MaxValue << TlbEntry.VmidShift) | TlbEntry.Plain | TlbEntry.EntrySizeMask;

    // Fetches, then data.
    private readonly byte[] sideStorage = GC.AllocateArray<byte>(2 * sizeof(QuickSide), pinned: true);
    private readonly QuickSide* sides;

    // What QuickMask selects of an entry that may be filled.
    private ulong quickMeta;

    private void DescribeSides()
    {
        ulong* walks = hasWalkCaches || TObserver.SeesDescriptorReads || TObserver.Checks ? null : (ulong*)Unsafe.AsPointer(ref walksByLevels[0]);
        for (int i = 0; i < 2; i++)
        {
            TlbLevel[] levels = i == 0 ? path.Fetch : path.Data;
            sides[i].NoneIfPlain = uint.MaxValue;
            if (group == null)
            {
                continue;
            }

            // Hints are there in any case.
            group.Describe(sides + i, i & (int)dataCell);
            if (levels.Length > 1 && levels[0].CanFillQuicklyFrom(levels[1]))
            {
                levels[0].Describe(sides + i, levels[1]);
                sides[i].Walks = levels.Length == 2 ? walks : null;
            }
        }

        UpdateSides();
    }

    // After anything but the short way and plain hits changed levels, address space or page size.
    private void UpdateSides()
    {
        quickMeta = (tags & ((ulong)ushort.MaxValue << TlbEntry.VmidShift)) | TlbEntry.Plain | ((ulong)(uint)hintShift << TlbEntry.EntrySizeShift);
        for (int i = 0; i < 2; i++)
        {
            sides[i].Shift = hintShift;
            if (sides[i].Lanes != null)
            {
                TlbLevel[] levels = i == 0 ? path.Fetch : path.Data;
                levels[0].Update(sides + i, levels[1]);
            }
        }
    }

    // SAFETY: a bucket is masked to the index, a slot in the index, the log or a link is one of the group, a set is below the number of sets and
    // a way below that of ways: all of them come from this unit, none from the tables.
    // What LookUp does, where the short way goes and the access is allowed: the entry in the first level, now its most recent one, with the
    // hint leading to it. Null, with nothing changed, where it does not go.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private TlbEntry* TryFill(QuickSide* side, ulong address, uint bucket, uint word, ulong allowBit, ulong* words, int index, int end)
    {
        if (word >> 16 != side->NoneIfPlain && !IsAbsent(side, address))
        {
            return null;
        }

        int shift = side->Shift;
        uint set = SetOf(side, address, shift);
        ulong lane = TlbLevel.LaneAddress(address, shift);
        ulong* lanes = side->Lanes + (set * side->LaneStride);
        ulong meta;
        ulong delta;
        uint match = MatchLanes(side, lanes, lane);
        if (match != 0)
        {
            uint way = (uint)BitOperations.TrailingZeroCount(match);
            TlbEntry* source = side->SecondEntries + ((set * side->Ways) + way);
            meta = source->Meta;
            if (((meta ^ quickMeta) & QuickMask) != 0 || (meta & allowBit) == 0)
            {
                return null;
            }

            delta = source->Delta;
            ulong* order = side->Orders + set;
            *order = TlbLevel.WithNewest(*order, way, side->FullRow);
        }
        else
        {
            ulong* walks = side->Walks;
            if (walks == null)
            {
                return null;
            }

            meta = walker.TryWalkPlain(new VirtAddr(address), out ulong output) | tags;
            int ahead = index + PrefetchDistance;
            if (ahead < end)
            {
                walker.Prefetch(new VirtAddr(unchecked((ulong)((long)words[ahead] >> Access.AddressShift))));
            }

            if (((meta ^ quickMeta) & QuickMask) != 0 || (meta & allowBit) == 0 || ((meta & TlbEntry.Global) != 0 && !side->HasGlobals))
            {
                return null;
            }

            walks[((walker.PlainStartLevel + 1) * WalkResult.LevelCount) + (long)((meta >> TlbEntry.LevelShift) & 7)]++;
            side->SecondMisses++;
            delta = unchecked(output - (address & (ulong.MaxValue << shift)));
            FillSecond(side, set, lanes, lane, address, delta, meta);
        }

        side->Misses++;
        return FillFirst(side, bucket, address, delta, meta);
    }

    // An entry in place of its set's oldest one.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void FillSecond(QuickSide* side, uint set, ulong* lanes, ulong lane, ulong address, ulong delta, ulong meta)
    {
        ulong* order = side->Orders + set;
        ulong before = *order;
        uint way = TlbLevel.OldestOf(before);
        *order = TlbLevel.WithNewest(before, way, side->FullRow);
        TlbEntry* entry = side->SecondEntries + ((set * side->Ways) + way);
        if (((entry->Meta ^ meta) & (TlbEntry.Plain | TlbEntry.EntrySizeMask)) != 0)
        {
            CountReplaced(side, entry, isSecond: true);
        }

        Write(entry, side->Shift, address, delta, meta);
        lanes[way] = lane | ((meta & TlbEntry.Global) != 0 ? TlbLevel.LaneOfGlobal : side->LaneTags);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(TlbEntry* entry, int shift, ulong address, ulong delta, ulong meta)
    {
        ulong mask = ulong.MaxValue << shift;
        entry->Tag = address & mask;
        entry->Mask = mask;
        entry->Delta = delta;
        entry->Meta = meta;
    }

    // An entry in place of the first level's oldest one.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private TlbEntry* FillFirst(QuickSide* side, uint bucket, ulong address, ulong delta, ulong meta)
    {
        int position = *side->Start;
        uint slot = side->Log[position];
        if (unchecked(slot - side->FirstSlot) < side->SlotCount && side->Stamps[slot] == position)
        {
            *side->Start = position + 1;
        }
        else
        {
            slot = group!.SearchOldest(side->Part, side->FirstSlot, side->SlotCount);
        }

        // Alone in its chain, mostly.
        uint* index = side->Index;
        uint none = side->None;
        uint* link = side->Links + slot;
        uint old = unchecked((ushort)*link);
        if (((index[old] >> 16) ^ slot | (*link >> 16) ^ none) == 0)
        {
            index[old] = none | (none << 16);
        }
        else
        {
            Unlink(side, slot);
        }

        TlbEntry* entry = side->Entries + slot;
        if (!side->IsUniform)
        {
            CountReplaced(side, entry, isSecond: false);
        }

        Write(entry, side->Shift, address, delta, meta);
        *link = bucket | (index[bucket] & 0xFFFF_0000);
        index[bucket] = slot | (slot << 16);
        int end = *side->End;
        if (end == side->LogLength)
        {
            group!.Compact();
            end = *side->End;
        }

        side->Log[end] = (ushort)slot;
        side->Stamps[slot] = (ushort)end;
        *side->End = end + 1;
        return entry;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint SetOf(QuickSide* side, ulong address, int shift)
    {
        uint setMask = side->SetMask;
        if (setMask != 0)
        {
            return unchecked((uint)(address >> shift)) & setMask;
        }

        ulong page = TlbLevel.PageOf(address, shift);
        return (uint)(page - (Math.BigMul(page, side->SetReciprocal, out _) * side->Sets));
    }

    // The ways of a set that hold a page, as a mask; the VMID is not compared.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint MatchLanes(QuickSide* side, ulong* lanes, ulong lane)
    {
        uint match = MatchLanesExactly(side, lanes, lane | side->LaneTags);
        return side->HasGlobals ? match | MatchLanesExactly(side, lanes, lane | TlbLevel.LaneOfGlobal) : match;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint MatchLanesExactly(QuickSide* side, ulong* lanes, ulong wanted)
    {
        // SAFETY: a set has 4 or 8 lanes.
        Vector256<ulong> all = Vector256.Create(wanted);
        uint match = Vector256.Equals(Vector256.Load(lanes), all).ExtractMostSignificantBits();
        return side->LaneStride > 4 ? match | (Vector256.Equals(Vector256.Load(lanes + 4), all).ExtractMostSignificantBits() << 4) : match;
    }

    // Whether the first level is full and has no entry for the address, nor the second one of another page size.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool IsAbsent(QuickSide* side, ulong address)
    {
        if (!side->IsOpen || FirstOf(side).Find(address) != null)
        {
            return false;
        }

        TlbEntry* found = side->IsUniform ? null : SecondOf(side).Find(address);
        return found == null || found->SizeLog2 == side->Shift;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Unlink(QuickSide* side, uint slot) => FirstOf(side).UnlinkSlot(slot);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void CountReplaced(QuickSide* side, TlbEntry* old, bool isSecond)
    {
        (isSecond ? SecondOf(side) : FirstOf(side)).CountPlain(old, side->Shift);
        UpdateSides();
    }

    private TlbLevel FirstOf(QuickSide* side) => side == sides ? path.Fetch[0] : path.Data[0];

    private TlbLevel SecondOf(QuickSide* side) => side == sides ? path.Fetch[1] : path.Data[1];

    // What the short way counted goes where all is counted.
    private void CountQuick()
    {
        for (int i = 0; i < 2; i++)
        {
            QuickSide* side = sides + i;
            if (side->Lanes != null)
            {
                FirstOf(side).Misses += side->Misses;
                SecondOf(side).Lookups += side->Misses;
                SecondOf(side).Misses += side->SecondMisses;
                side->Misses = 0;
                side->SecondMisses = 0;
            }
        }
    }
}
