using System.Numerics;
using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <content>Marks, and the search for the next entry.</content>
internal sealed partial class PageIndex
{
    // Steps of one search: an intact index, whose nodes are never empty, needs a few for each level.
    private const int StepsMax = 1 << 20;

    private static readonly PageMark[] AllMarks = [PageMark.Dirty, PageMark.Writeback, PageMark.ToWrite];

    /// <summary>Whether anything in the index carries a mark.</summary>
    public bool HasMark(PageMark mark) => (Record.RootMarks & (1u << (int)mark)) != 0;

    /// <summary>Whether the entry that covers an index carries a mark.</summary>
    public bool GetMark(ulong index, PageMark mark)
    {
        if (!RadixEntry.IsNode(Record.Root))
        {
            return index == 0 && Record.Root != RadixEntry.None && HasMark(mark);
        }

        return TryFindSlot(index, out PhysAddr address, out int slot)
            && (memory.GetRef<RadixNode>(address).Marks(mark) & (1UL << slot)) != 0;
    }

    /// <summary>Marks the entry that covers an index, and the way to it.</summary>
    public void SetMark(ulong index, PageMark mark)
    {
        if (RadixEntry.IsNode(Record.Root))
        {
            if (!TryFindSlot(index, out PhysAddr address, out int slot))
            {
                return;
            }

            // Bounded by the depth: a parent's shift is larger, or the walk ends.
            for (int guard = 0; guard <= ShiftMax; guard += RadixNode.SlotShift)
            {
                ref RadixNode node = ref memory.GetRef<RadixNode>(address);
                node.Marks(mark) |= 1UL << slot;
                if (!TryGetParent(ref node, address, out address))
                {
                    break;
                }

                slot = node.Offset & RadixNode.SlotMask;
            }
        }
        else if (index != 0 || Record.Root == RadixEntry.None)
        {
            return;
        }

        Record.RootMarks |= 1u << (int)mark;
    }

    /// <summary>Takes the mark from the entry that covers an index, and from the way to it where nothing else carries it.</summary>
    public void ClearMark(ulong index, PageMark mark)
    {
        if (RadixEntry.IsNode(Record.Root))
        {
            if (!TryFindSlot(index, out PhysAddr address, out int slot))
            {
                return;
            }

            for (int guard = 0; guard <= ShiftMax; guard += RadixNode.SlotShift)
            {
                ref RadixNode node = ref memory.GetRef<RadixNode>(address);
                node.Marks(mark) &= ~(1UL << slot);
                if (node.Marks(mark) != 0)
                {
                    return;
                }

                if (!TryGetParent(ref node, address, out address))
                {
                    break;
                }

                slot = node.Offset & RadixNode.SlotMask;
            }
        }
        else if (index != 0)
        {
            return;
        }

        Record.RootMarks &= ~(1u << (int)mark);
    }

    /// <summary>Finds the first folio that covers or follows an index (<c>xas_find</c>, <c>xas_find_marked</c>).</summary>
    /// <param name="index">Where to start; then the first index that the entry covers, or where the search began inside it.</param>
    /// <param name="last">The last index of interest.</param>
    /// <param name="mark">The mark that it must carry, or null.</param>
    /// <param name="entry">The folio.</param>
    /// <param name="findsValues">Whether value entries are sought in place of folios.</param>
    /// <returns>False where there is none up to <paramref name="last"/>.</returns>
    public bool TryFindNext(ref ulong index, ulong last, PageMark? mark, out ulong entry, bool findsValues = false)
    {
        for (int steps = 0; index <= last && steps < StepsMax; steps++)
        {
            if (!RadixEntry.IsNode(Record.Root))
            {
                entry = Record.Root;
                return index == 0 && (findsValues ? RadixEntry.IsValue(entry) : RadixEntry.IsFolio(entry)) && (mark is not { } m || HasMark(m));
            }

            if (!TryStep(ref index, mark, findsValues, out entry))
            {
                return false;
            }

            if (entry != RadixEntry.None)
            {
                return index <= last;
            }
        }

        entry = RadixEntry.None;
        return false;
    }

    // One descent: either the entry at the index, or the index moves to the next place where something may be.
    private bool TryStep(ref ulong index, PageMark? mark, bool findsValues, out ulong entry)
    {
        entry = Record.Root;
        int expectedShift = -1;
        while (TryEnter(entry, expectedShift, out PhysAddr address))
        {
            ref RadixNode node = ref memory.GetRef<RadixNode>(address);
            int shift = node.Shift;
            if (expectedShift < 0 && !Covers(shift, index))
            {
                return false;
            }

            int slot = SlotOf(index, shift);
            int start = RadixEntry.IsSibling(node.Slots[slot]) ? RadixEntry.ToSibling(node.Slots[slot]) : slot;
            bool isWanted = node.Slots[start] != RadixEntry.None && (RadixEntry.IsNode(node.Slots[start]) || RadixEntry.IsValue(node.Slots[start]) == findsValues)
                && (mark is not { } m || (node.Marks(m) & (1UL << start)) != 0);
            if (!isWanted)
            {
                entry = RadixEntry.None;
                return TryAdvance(ref index, NextSlot(ref node, slot, mark), shift);
            }

            entry = node.Slots[start];
            if (!RadixEntry.IsNode(entry))
            {
                return true;
            }

            expectedShift = shift - RadixNode.SlotShift;
        }

        return false;
    }

    // The next slot of a node that may hold what is sought; 64 where there is none.
    private static int NextSlot(ref RadixNode node, int slot, PageMark? mark)
    {
        if (mark is { } m)
        {
            ulong later = slot == RadixNode.SlotMask ? 0 : node.Marks(m) >> (slot + 1);
            return later == 0 ? RadixNode.SlotCount : slot + 1 + BitOperations.TrailingZeroCount(later);
        }

        int next = slot + 1;
        while (next < RadixNode.SlotCount && (node.Slots[next] == RadixEntry.None || RadixEntry.IsSibling(node.Slots[next])))
        {
            next++;
        }

        return next;
    }

    private static bool TryAdvance(ref ulong index, int slot, int shift)
    {
        ulong nodeBits = shift + RadixNode.SlotShift >= 64 ? ulong.MaxValue : (1UL << (shift + RadixNode.SlotShift)) - 1;
        if (slot < RadixNode.SlotCount)
        {
            index = (index & ~nodeBits) | ((ulong)(uint)slot << shift);
            return true;
        }

        if ((index | nodeBits) == ulong.MaxValue)
        {
            return false;
        }

        index = (index | nodeBits) + 1;
        return true;
    }

    private bool TryGetParent(ref RadixNode node, PhysAddr address, out PhysAddr parent)
    {
        parent = new PhysAddr(node.Parent);
        if (node.Parent == 0)
        {
            return false;
        }

        if (TryEnter(RadixEntry.FromNode(node.Parent), node.Shift + RadixNode.SlotShift, out parent))
        {
            return true;
        }

        Broken(address, "parent of a node", node.Parent);
        return false;
    }
}
