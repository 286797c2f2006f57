using System.Runtime.CompilerServices;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <content>Splitting and merging: neighbours that change together.</content>
public sealed unsafe partial class VmAreaTree
{
    /// <summary>Gives one side of a VMA to a new one, whose bounds are set (<c>__split_vma</c>): both change in one descent.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="area">The VMA; it keeps the other side.</param>
    /// <param name="at">Where the two meet.</param>
    /// <param name="created">The new VMA.</param>
    /// <param name="isNewBelow">Which side it takes.</param>
    /// <returns>False, with nothing changed, where there is no memory for nodes or the tree is corrupt.</returns>
    public bool TrySplit(CpuId cpu, VmAreaRef area, VirtAddr at, VmAreaRef created, bool isNewBelow)
    {
        ref VmArea kept = ref this[area];
        ref VmArea added = ref this[created];
        if (!TryFindExact(area, ref kept))
        {
            return false;
        }

        VmAreaNode* leaf = Pointer(path.Nodes[0]);
        int slot = path.Slots[0];
        VmAreaRef previous = isNewBelow ? kept.Previous : area;
        VmAreaRef next = isNewBelow ? area : kept.Next;
        if (leaf->Count < VmAreaNode.SlotCount)
        {
            // The two together cover what the one did: no gap changes, no leaf's floor and no leaf's first address, so no ancestor either.
            VmAreaColumn.Insert(&leaf->Starts, slot + 1, at.Value);
            VmAreaColumn.Insert(&leaf->Extents, slot, at.Value);
            VmAreaColumn.Insert(&leaf->Targets, isNewBelow ? slot : slot + 1, created.Value);
            leaf->Count++;
        }
        else if (!TrySplitFull(cpu, leaf, slot, at, created, ref added, isNewBelow))
        {
            return false;
        }

        if (isNewBelow)
        {
            kept.Start = at;
        }
        else
        {
            kept.End = at;
        }

        Chain(created, ref added, previous, next);
        head->Count++;
        return true;
    }

    /// <summary>Takes the VMAs that follow one out, and the one grows over them and what lies between (<c>commit_merge</c>, mm/vma.c): one descent.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="area">The VMA that stays.</param>
    /// <param name="last">The last that goes; the memory of those that go stays the caller's.</param>
    /// <param name="count">How many go.</param>
    /// <returns>False, with nothing changed, where they are not all in one leaf: then they are to go one by one.</returns>
    public bool TryAbsorb(CpuId cpu, VmAreaRef area, VmAreaRef last, int count)
    {
        ref VmArea grown = ref this[area];
        if (!TryFindExact(area, ref grown))
        {
            return false;
        }

        VmAreaNode* leaf = Pointer(path.Nodes[0]);
        int slot = path.Slots[0];
        if (slot + count >= leaf->Count || Target(leaf, slot + count) != last.Value)
        {
            return false;
        }

        ref VmArea taken = ref this[last];
        bool hasGaps = HasGaps(leaf, slot, count);
        grown.End = taken.End;
        grown.Next = taken.Next;
        if (!taken.Next.IsNone)
        {
            this[taken.Next].Previous = area;
        }

        // Of the ends the last one's stays, of all else the first one's.
        VmAreaColumn.Remove(&leaf->Starts, slot + 1, count);
        VmAreaColumn.Remove(&leaf->Extents, slot, count);
        VmAreaColumn.Remove(&leaf->Targets, slot + 1, count);
        leaf->Count = (ushort)(leaf->Count - count);
        head->Count -= count;
        if (hasGaps || leaf->Count < FillMin)
        {
            Rebalance(cpu);
        }

        return true;
    }

    // As the short way of TrySplit, where the leaf has to be split as well.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private bool TrySplitFull(CpuId cpu, VmAreaNode* leaf, int slot, VirtAddr at, VmAreaRef created, ref VmArea added, bool isNewBelow)
    {
        Unsafe.SkipInit(out VmAreaPath.Words spare);
        if (!TryTakeSpareNodes(cpu, ref spare, out int spareCount))
        {
            return false;
        }

        (isNewBelow ? ref Start(leaf, slot) : ref Extent(leaf, slot)) = at.Value;
        InsertSlot(0, isNewBelow ? slot : slot + 1, added.Start.Value, added.End.Value, created.Value, ref spare, ref spareCount);
        return true;
    }

    // Whether room is left anywhere between a slot's VMA and the one so many slots on.
    private static bool HasGaps(VmAreaNode* leaf, int slot, int count)
    {
        ulong gaps = 0;
        for (int i = slot; i < slot + count; i++)
        {
            gaps |= Start(leaf, i + 1) ^ Extent(leaf, i);
        }

        return gaps != 0;
    }
}
