// When a type has no block left: taking one from another type (mm/page_alloc.c: __rmqueue_fallback, steal_suitable_fallback).
// The largest block of the first fallback type that has one is taken, so that types mix in as few pageblocks as possible; with
// luck the whole pageblock changes its type. As in Linux since 6.10 a block that is taken alone leaves its remainder to the
// pageblock's own type.

using System.Numerics;
using Engine.Core.Frames;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>Fallback to other types.</content>
internal sealed unsafe partial class FreeArea
{
    /// <summary>Takes one block from another type.</summary>
    /// <returns>1, or 0 where no type may lend.</returns>
    public int TakeFallback(PageAllocator allocator, int order, MigrateType startType, AllocFlags flags, uint* taken)
    {
        int least = order < PageBlockShift && (flags & AllocFlags.NoFragment) != 0 ? PageBlockShift : order;
        for (int current = Order.MaxValue; current >= least; current--)
        {
            if (!TryFindFallback(current, startType, allocator.IsMobilityGroupingDisabled, out MigrateType lender, out bool canSteal))
            {
                continue;
            }

            // A movable page taken alone does best with the smallest block there is.
            if (!canSteal && startType == MigrateType.Movable && current > order)
            {
                current = order;
                while (!TryFindFallback(current, startType, allocator.IsMobilityGroupingDisabled, out lender, out canSteal))
                {
                    current++;
                }
            }

            int number = FirstOf((int)lender, current);
            return number < 0 ? 0 : Steal(allocator, number, current, order, startType, flags, canSteal, taken);
        }

        return 0;
    }

    /// <summary>The first fallback type with a block of exactly this order (<c>find_suitable_fallback</c>).</summary>
    public bool TryFindFallback(int order, MigrateType startType, bool isGroupingDisabled, out MigrateType lender, out bool canSteal)
    {
        canSteal = MigrateTypes.CanSteal(order, startType, isGroupingDisabled);
        foreach (MigrateType type in MigrateTypes.GetFallbacks(startType))
        {
            if ((state->TypeOrders[(int)type] >> order & 1) != 0)
            {
                lender = type;
                return true;
            }
        }

        lender = default;
        return false;
    }

    // steal_suitable_fallback(), with the free pages' type bound to the pageblock's.
    private int Steal(PageAllocator allocator, int number, int current, int order, MigrateType startType, AllocFlags flags, bool canSteal, uint* taken)
    {
        MigrateType lender = (MigrateType)blocks[number].Type;
        bool isClaimed = false;
        if (current >= PageBlockShift)
        {
            if (number + (1 << (current - PageBlockShift)) > endBlock)
            {
                return Heal(number);
            }

            for (int i = 0; i < 1 << (current - PageBlockShift); i++)
            {
                Retype(number + i, startType);
            }

            isClaimed = true;
        }
        else
        {
            if (allocator.BoostWatermark(zonePlusOne - 1) && (flags & AllocFlags.Kswapd) != 0)
            {
                Interlocked.Or(ref state->Flags, (int)ZoneFlags.BoostedWatermark);
            }

            isClaimed = canSteal && ShouldClaim(allocator, number, lender, startType);
            if (isClaimed)
            {
                Retype(number, startType);
            }
        }

        int got = isClaimed ? Take((int)startType, order, taken, 1) : TakeFrom(number, current, order, taken);
        if (got != 0)
        {
            state->ExtFrag = unchecked(state->ExtFrag + 1);
            state->ExtFragFragmenting = unchecked(state->ExtFragFragmenting + (current < PageBlockShift ? 1 : 0));
            state->ExtFragOwnership = unchecked(state->ExtFragOwnership + (isClaimed ? 1 : 0));
            allocator.OnExtFrag(new Pfn(*taken), order, current, startType, lender, isClaimed);
        }

        return got;
    }

    // Whether enough of the pageblock is free or of a kind that goes with the new type: half of it. One that the zone's edge cuts is not
    // claimed (prep_move_freepages_block).
    private bool ShouldClaim(PageAllocator allocator, int number, MigrateType lender, MigrateType startType)
    {
        if (!IsWhole(number))
        {
            return false;
        }

        int free = CountFree(number);
        int movable = CountMovable(allocator.Frames, number);
        int alike = startType == MigrateType.Movable ? movable
            : lender == MigrateType.Movable ? (1 << PageBlockShift) - (free + movable)
            : 0;
        return free + alike >= 1 << (PageBlockShift - 1) || allocator.IsMobilityGroupingDisabled;
    }

    /// <summary>Whether a pageblock lies within the zone's span from its first frame to its last.</summary>
    public bool IsWhole(int number)
    {
        Pfn first = new((uint)number << PageBlockShift);
        return span.Contains(first) && span.Contains(first + PageBlockMask);
    }

    /// <summary>Free frames of a pageblock.</summary>
    public int CountFree(int number)
    {
        int free = 0;
        for (int word = 0; word < FreeWord.PerPageBlock; word++)
        {
            free += BitOperations.PopCount(GetWord(number, word));
        }

        return free;
    }

    /// <summary>Pages of a pageblock that are in use and can be migrated: those on an LRU list.</summary>
    public int CountMovable(FrameTable frames, int number)
    {
        int movable = 0;
        for (int word = 0; word < FreeWord.PerPageBlock; word++)
        {
            uint first = ((uint)number << PageBlockShift) + ((uint)word << 6);
            for (ulong used = ~GetWord(number, word); used != 0; used &= used - 1)
            {
                Pfn pfn = new(first + (uint)BitOperations.TrailingZeroCount(used));
                movable += frames.IsInTable(pfn) && (frames[pfn].Flags & (ulong)FrameFlags.Lru) != 0 ? 1 : 0;
            }
        }

        return movable;
    }

    /// <summary>Changes a pageblock's type; its free blocks go with it (<c>move_freepages_block</c>).</summary>
    public void Retype(int number, MigrateType type)
    {
        ref PageBlock block = ref this[number];
        if (block.Type == (byte)type)
        {
            return;
        }

        // A pair stays a pair only while both halves may be one block; SetWhole decides anew.
        if (IsInPair(number))
        {
            SplitPair(number);
        }

        uint orders = block.Orders;
        long free = CountFree(number);
        SetOrders(ref block, number, 0);
        Account(block, -free);
        block.Type = (byte)type;
        Account(block, free);
        SetOrders(ref block, number, orders);
        if (block.Summary == FreeWord.WholePageBlock)
        {
            JoinPairOfSameType(ref block, number);
        }
    }

    // A retyped pageblock joins a neighbour of the same type only: no type may spread without a free.
    private void JoinPairOfSameType(ref PageBlock block, int number)
    {
        int buddy = number ^ 1;
        if (buddy >= firstBlock && buddy < endBlock && blocks[buddy].Type == block.Type)
        {
            SetWhole(ref block, number);
        }
    }

    // One block out of this pageblock, whatever its type.
    private int TakeFrom(int number, int found, int order, uint* taken)
    {
        ref PageBlock block = ref blocks[number];
        int word = found <= 5 ? FindWord(block.Summary, found)
            : BitOperations.TrailingZeroCount(FreeWord.ExactLargeBlocks(FreeWord.FullWords(block.Summary), found));
        if (word > 7)
        {
            return Heal(number);
        }

        *taken = ((uint)number << PageBlockShift) + ((uint)word << 6);
        if (order > 5)
        {
            ulong bytes = (order == 8 ? 0xffffffffUL : (1UL << (8 << (order - 6))) - 1) << (word << 3);
            block.Summary &= ~bytes;
        }
        else
        {
            ulong value = GetWord(number, word);
            ulong starts = FreeWord.ExactBlocks(value, Math.Min(found, 6));
            if (starts == 0)
            {
                return Heal(number, word);
            }

            int bit = BitOperations.TrailingZeroCount(starts);
            *taken += (uint)bit;
            SetWord(ref block, number, word, value & ~(FreeWord.BlockMask(order) << bit));
        }

        Account(block, -(1L << order));
        Refresh(ref block, number);
        return 1;
    }
}
