// Gap search (mas_empty_area, mas_empty_area_rev): the gap at the limit is looked at by hand, because the limit clips it;
// for all others the largest gap kept per child prunes the descent. A descent goes at most one level deeper per call.

using System.Numerics;
using System.Runtime.CompilerServices;
using Engine.Arm64.Units;

namespace Engine.Arm64.Processes;

/// <content>Finding room.</content>
public sealed unsafe partial class VmAreaTree
{
    /// <summary>The highest gap between two limits that holds a length (<c>mas_empty_area_rev</c>).</summary>
    /// <param name="lengthBytes">Bytes wanted, more than 0.</param>
    /// <param name="low">The lowest address that may be used.</param>
    /// <param name="high">The first address that may not be used.</param>
    /// <param name="gap">The gap, clipped to the limits.</param>
    public bool TryFindGapTopDown(ulong lengthBytes, VirtAddr low, VirtAddr high, out VmAreaGap gap)
    {
        VmAreaRef above = FindFrom(FindCeiling(high.Value), high, out VmAreaRef below);
        VirtAddr end = above.IsNone || this[above].Start > high ? high : this[above].Start;
        VirtAddr start = below.IsNone ? default : this[below].End;
        if (TryClip(start, end, low, high, above, lengthBytes, out gap))
        {
            return true;
        }

        return !below.IsNone
            && TrySearchDown(head->Root, head->Height - 1, this[below].Start.Value, lengthBytes, out gap)
            && TryClip(gap.Start, gap.End, low, high, gap.Above, lengthBytes, out gap);
    }

    /// <summary>The lowest gap between two limits that holds a length (<c>mas_empty_area</c>).</summary>
    /// <param name="lengthBytes">Bytes wanted, more than 0.</param>
    /// <param name="low">The lowest address that may be used.</param>
    /// <param name="high">The first address that may not be used.</param>
    /// <param name="gap">The gap, clipped to the limits.</param>
    public bool TryFindGapBottomUp(ulong lengthBytes, VirtAddr low, VirtAddr high, out VmAreaGap gap)
    {
        VmAreaRef above = FindFrom(low);
        if (above.IsNone)
        {
            return TryClip(low, high, low, high, VmAreaRef.None, lengthBytes, out gap);
        }

        VirtAddr firstStart = this[above].Start;
        if (firstStart > low && TryClip(low, firstStart, low, high, above, lengthBytes, out gap))
        {
            return true;
        }

        if (TrySearchUp(head->Root, head->Height - 1, firstStart.Value, lengthBytes, out gap))
        {
            return TryClip(gap.Start, gap.End, low, high, gap.Above, lengthBytes, out gap);
        }

        VmAreaRef last = Last;
        return TryClip(last.IsNone ? low : this[last].End, high, low, high, VmAreaRef.None, lengthBytes, out gap);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryClip(VirtAddr start, VirtAddr end, VirtAddr low, VirtAddr high, VmAreaRef above, ulong lengthBytes, out VmAreaGap gap)
    {
        VirtAddr from = start < low ? low : start;
        VirtAddr to = end > high ? high : end;
        gap = new VmAreaGap(from, to, above);
        return to > from && to - from >= lengthBytes;
    }

    // The highest VMA that starts at or below `limit` with enough room in front of it. What is placed there takes the same way: it becomes the path.
    private bool TrySearchDown(ulong address, int level, ulong limit, ulong lengthBytes, out VmAreaGap gap)
    {
        gap = default;
        VmAreaNode* node = level < 0 || level >= VmAreaPath.LevelsMax ? null : Node(address, level);
        if (node == null)
        {
            return false;
        }

        uint fits = (level > 0 ? VmAreaColumn.Above(&node->Extents, lengthBytes - 1) : VmAreaColumn.GapsOfAtLeast(node, lengthBytes))
            & ~VmAreaColumn.Above(&node->Starts, limit) & ((1u << node->Count) - 1);
        while (fits != 0)
        {
            int slot = BitOperations.Log2(fits);
            fits ^= 1u << slot;
            if (level > 0 ? TrySearchDown(Target(node, slot), level - 1, limit, lengthBytes, out gap) : TryTakeGap(node, slot, lengthBytes, out gap))
            {
                path.Nodes[level] = address;
                path.Slots[level] = slot;
                path.Height = head->Height;
                return true;
            }
        }

        return false;
    }

    // The lowest VMA that starts above `limit` with enough room in front of it.
    private bool TrySearchUp(ulong address, int level, ulong limit, ulong lengthBytes, out VmAreaGap gap)
    {
        gap = default;
        VmAreaNode* node = level < 0 ? null : Node(address, level);
        int count = node == null ? 0 : node->Count;
        for (int i = 0; i < count; i++)
        {
            if (level > 0)
            {
                bool isBelow = i + 1 < count && node->Starts[i + 1] <= limit;
                if (!isBelow && node->Extents[i] >= lengthBytes && TrySearchUp(node->Targets[i], level - 1, limit, lengthBytes, out gap))
                {
                    return true;
                }
            }
            else if (node->Starts[i] > limit && TryTakeGap(node, i, lengthBytes, out gap))
            {
                return true;
            }
        }

        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryTakeGap(VmAreaNode* leaf, int slot, ulong lengthBytes, out VmAreaGap gap)
    {
        ulong start = slot == 0 ? leaf->Floor : Extent(leaf, slot - 1);
        ulong end = Start(leaf, slot);
        gap = new VmAreaGap(new VirtAddr(start), new VirtAddr(end), new VmAreaRef(Target(leaf, slot)));
        return end > start && end - start >= lengthBytes;
    }
}
