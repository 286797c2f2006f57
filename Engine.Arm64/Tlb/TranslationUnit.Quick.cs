// The short way through a miss of the first level: what Find, Touch and Insert of both levels and the walk between them do, in
// one piece, for the shapes and moments where nothing special comes up: a fully associative LRU level over one with sets of up to
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
    private const uint NoSlot = uint.MaxValue;

    // As NoSlot, where neither level has the page and the walk meets no plain one: a fault, most often.
    private const uint NoPage = NoSlot - 1;

    // As NoPage, where the walk is known to end at an invalid descriptor of the last level. What is below is a slot.
    private const uint NoEntry = NoSlot - 2;

    // What an entry must have right to be filled by the short way.
    private const ulong QuickMask = TlbEntry.Plain | TlbEntry.EntrySizeMask;

    // So many stale positions of the log are passed over one by one.
    private const int StaleStepsMax = 16;

    // Fetches, then data.
    private readonly byte[] sideStorage = GC.AllocateArray<byte>(2 * sizeof(QuickSide), pinned: true);
    private readonly QuickSide* sides;

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
        for (int i = 0; i < 2; i++)
        {
            sides[i].Shift = hintShift;
            sides[i].PermissionShift = elShift;
            sides[i].Shape = TlbEntry.Plain | ((ulong)(uint)hintShift << TlbEntry.EntrySizeShift);
            sides[i].Tags = tags;
            if (sides[i].Lanes != null)
            {
                TlbLevel[] levels = i == 0 ? path.Fetch : path.Data;
                levels[0].Update(sides + i, levels[1]);
            }
        }
    }

    // Fills the first level from the second one or by a plain walk, as LookUp would. Returns the slot of the entry, with its cell's hint leading to
    // it; the caller logs it, and then judges the access where the case leaves that to it. NoSlot, NoPage or NoEntry, with nothing changed, where something
    // else comes up.
    // SAFETY: a cell is masked to the index, a slot in the index, the log or a link is one of the group, a set is below the number of sets and
    // a way below that of ways: all of them come from this unit, none from the tables.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint TryFill<TCase>(QuickSide* side, ulong address, IndexCell* cell, int permission, ulong* at, ulong* end)
        where TCase : struct, IFillCase
    {
        bool hasFree = TCase.Calls && side->HasFree;
        uint position = (uint)*side->Start;
        uint slot = hasFree ? side->FirstSlot + FirstOf(side).FirstFree : side->Log[position];
        if (!hasFree && (unchecked(slot - side->FirstSlot) >= side->SlotCount || side->Stamps[slot] != position))
        {
            slot = FindOldest<TCase>(side, ref position);
            if (slot == NoSlot)
            {
                return NoSlot;
            }
        }

        TlbEntry* entry = side->Entries + slot;
        uint set = SetOf(side, address);
        ulong page = (address << TlbLevel.LaneShift) & side->LaneMask;
        ulong* lanes = (ulong*)((byte*)side->Lanes + (set * side->SetLaneBytes));
        TlbEntry* sources = (TlbEntry*)((byte*)side->SecondEntries + (set * side->SetEntryBytes));
        ulong* order = side->Orders + set;
        uint way;
        Vector256<ulong> filled;
        uint match = MatchLanes(side, lanes, page);
        if (match != 0)
        {
            way = (uint)BitOperations.TrailingZeroCount(match);
            TlbEntry* source = sources + way;
            if ((TCase.Judges && ((source->Meta >> permission) & 1) == 0) || (TCase.Calls && ((source->Meta ^ side->Shape) & QuickMask) != 0))
            {
                return NoSlot;
            }

            filled = Vector256.Load((ulong*)source);
        }
        else
        {
            ulong* walks = side->Walks;
            if (walks == null)
            {
                return NoSlot;
            }

            ulong meta = walker.TryWalkPlain(new VirtAddr(address), TCase.Calls, out ulong output);
            if (at + PrefetchDistance < end)
            {
                walker.Prefetch(new VirtAddr(unchecked((ulong)((long)at[PrefetchDistance] >> Access.AddressShift))));
            }

            // SAFETY: some way is always the oldest.
            way = TlbLevel.OldestOf(*order);
            TlbEntry* source = sources + way;
            if (((meta ^ side->Shape) & QuickMask) != 0 || (TCase.Judges && ((meta >> permission) & 1) == 0)
                || ((meta & TlbEntry.Global) != 0 && !side->HasGlobals))
            {
                return meta == PlainTranslation.Empty ? NoEntry : meta == PlainTranslation.None ? NoPage : NoSlot;
            }

            if (((source->Meta ^ meta) & QuickMask) != 0)
            {
                if (!TCase.Calls)
                {
                    return NoSlot;
                }

                CountReplaced(side, source, isSecond: true);
            }

            walks[((walker.PlainStartLevel + 1) * WalkResult.LevelCount) + (long)((meta >> TlbEntry.LevelShift) & 7)]++;
            side->SecondMisses++;
            ulong tag = address & side->PageMask;
            filled = Vector256.Create(tag, side->PageMask, unchecked(output - tag), meta | side->Tags);
            Vector256.Store(filled, (ulong*)source);
            lanes[way] = page | ((meta & TlbEntry.Global) != 0 ? side->LaneMarker | TlbLevel.LaneOfGlobal : side->LaneTags);
        }

        *order = side->WayUses[way].ApplyTo(*order);
        side->Misses++;
        if (hasFree)
        {
            FirstOf(side).TakeFree();
        }
        else
        {
            *side->Start = (int)position + 1;
            TlbLevel.Unlink(side->Index, side->Links, slot);
        }

        if (TCase.Calls && (hasFree || !side->IsUniform))
        {
            CountReplaced(side, entry, isSecond: false);
        }

        Vector256.Store(filled, (ulong*)entry);
        side->Links[slot].Cell = (ushort)(cell - side->Index);
        side->Links[slot].Next = cell->First;
        cell->First = (ushort)slot;
        cell->Hint = (ushort)slot;
        return slot;
    }

    // The oldest slot of the first level, and its position in the log, where the first position has another.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint FindOldest<TCase>(QuickSide* side, ref uint position)
        where TCase : struct, IFillCase
    {
        if (TCase.Calls)
        {
            uint found = group!.SearchOldest(side->Part, side->FirstSlot, side->SlotCount);
            position = (uint)*side->Start;
            return found;
        }

        // SAFETY: a full level has a slot whose stamp is still to come.
        for (int steps = StaleStepsMax; steps > 0; steps--)
        {
            uint slot = side->Log[++position];
            if (unchecked(slot - side->FirstSlot) < side->SlotCount && side->Stamps[slot] == position)
            {
                return slot;
            }
        }

        return NoSlot;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint SetOf(QuickSide* side, ulong address)
    {
        int shift = side->Shift;
        uint setMask = side->SetMask;
        if (setMask != 0)
        {
            return unchecked((uint)(address >> shift)) & setMask;
        }

        ulong page = TlbLevel.PageOf(address, shift);
        return (uint)(page - (Math.BigMul(page, side->SetReciprocal, out _) * side->Sets));
    }

    // The ways of a set that hold a page, as a mask.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint MatchLanes(QuickSide* side, ulong* lanes, ulong page)
    {
        uint match = MatchLanes(lanes, page | side->LaneTags);
        match |= side->HasGlobals ? MatchLanes(lanes, page | side->LaneMarker | TlbLevel.LaneOfGlobal) : 0;
        return match & side->WayMask;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint MatchLanes(ulong* lanes, ulong wanted)
    {
        // SAFETY: eight lanes are readable from any set's first one on.
        return Vector512.IsHardwareAccelerated
            ? (uint)Vector512.Equals(Vector512.Load(lanes), Vector512.Create(wanted)).ExtractMostSignificantBits()
            : Vector256.Equals(Vector256.Load(lanes), Vector256.Create(wanted)).ExtractMostSignificantBits()
                | (Vector256.Equals(Vector256.Load(lanes + 4), Vector256.Create(wanted)).ExtractMostSignificantBits() << 4);
    }

    // Whether no entry in the chain that begins with a slot translates an address, where all entries are of one size.
    // SAFETY: a chain has at most all slots of a level, and ends at its unused one.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsAbsentFromChain(QuickSide* side, ulong address, uint slot)
    {
        if (side->NoneIfPlain == uint.MaxValue)
        {
            return false;
        }

        for (; slot != side->None; slot = side->Links[slot].Next)
        {
            TlbEntry* entry = side->Entries + slot;
            if ((address & entry->Mask) == entry->Tag)
            {
                return false;
            }
        }

        return true;
    }

    // Whether the first level has no entry for the address, nor the second one of another page size.
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
    private void CountReplaced(QuickSide* side, TlbEntry* old, bool isSecond)
    {
        bool isOther = (isSecond ? SecondOf(side) : FirstOf(side)).CountPlain(old, side->Shift);
        if (isOther || (!isSecond && side->HasFree))
        {
            UpdateSides();
        }
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

    private interface IFillCase
    {
        // Whether a call may be needed. Without one the loop around keeps what it has in registers.
        public static abstract bool Calls { get; }

        // Whether nothing is filled for an access that is denied. Else the caller looks at the entry.
        public static abstract bool Judges { get; }
    }

    // Both levels have plain entries alone, of the page size that hints go by, the first one is full, and tables were followed before.
    private readonly struct UniformCase : IFillCase
    {
        public static bool Calls => false;

        public static bool Judges => true;
    }

    // The same for one access, that may be denied.
    private readonly struct SingleCase : IFillCase
    {
        public static bool Calls => false;

        public static bool Judges => false;
    }

    private readonly struct MixedCase : IFillCase
    {
        public static bool Calls => true;

        public static bool Judges => false;
    }
}
