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
    [SkipLocalsInit]
    public bool TrySplit(CpuId cpu, VmAreaRef area, VirtAddr at, VmAreaRef created, bool isNewBelow)
    {
        ref VmArea kept = ref this[area];
        ref VmArea added = ref this[created];
        if (!TryFindExact(area, ref kept))
        {
            return false;
        }

        VmAreaNode* leaf = Pointer(path.Nodes[0]);
        Unsafe.SkipInit(out VmAreaPath.Words spare);
        int spareCount = 0;
        if (leaf->Count >= VmAreaNode.SlotCount && !TryTakeSpareNodes(cpu, ref spare, out spareCount))
        {
            return false;
        }

        int slot = path.Slots[0];
        VmAreaRef previous = isNewBelow ? kept.Previous : area;
        VmAreaRef next = isNewBelow ? area : kept.Next;
        if (isNewBelow)
        {
            kept.Start = at;
            Start(leaf, slot) = at.Value;
        }
        else
        {
            kept.End = at;
            Extent(leaf, slot) = at.Value;
        }

        // The two together cover what the one did: no gap changes, and no leaf's floor.
        InsertSlot(0, isNewBelow ? slot : slot + 1, added.Start.Value, added.End.Value, created.Value, ref spare, ref spareCount);
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
        grown.End = taken.End;
        grown.Next = taken.Next;
        if (!taken.Next.IsNone)
        {
            this[taken.Next].Previous = area;
        }

        Extent(leaf, slot) = taken.End.Value;
        RemoveSlots(leaf, slot + 1, count);
        head->Count -= count;
        Rebalance(cpu);
        return true;
    }
}
