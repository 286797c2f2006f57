using System.Runtime.CompilerServices;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <content>Insertion, removal and resizing.</content>
public sealed unsafe partial class VmAreaTree
{
    /// <summary>Adds a VMA (<c>mas_store_prealloc</c>) whose range is set and overlaps no other, and chains it between its neighbours.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="area">The VMA.</param>
    /// <returns>False, with nothing changed, where there is no memory for nodes or the tree is corrupt.</returns>
    [SkipLocalsInit]
    public bool TryInsert(CpuId cpu, VmAreaRef area)
    {
        ref VmArea inserted = ref this[area];
        if (head->Height == 0)
        {
            return TryPlantRoot(cpu, area, ref inserted);
        }

        if (!TryFindPath(inserted.Start.Value))
        {
            return false;
        }

        VmAreaNode* leaf = Pointer(path.Nodes[0]);
        int slot = path.Slots[0] + 1;
        VmAreaRef previous = slot > 0 ? new(Target(leaf, slot - 1)) : leaf->Count == 0 ? VmAreaRef.None : this[new(Target(leaf, 0))].Previous;
        VmAreaRef next = slot < leaf->Count ? new(Target(leaf, slot)) : previous.IsNone ? VmAreaRef.None : this[previous].Next;
        if ((!previous.IsNone && this[previous].End > inserted.Start) || (!next.IsNone && this[next].Start < inserted.End))
        {
            Report("VMA overlaps a neighbour", area.Value, inserted.Start.Value, previous.IsNone ? 0 : this[previous].End.Value);
            return false;
        }

        Unsafe.SkipInit(out VmAreaPath.Words spare);
        int spareCount = 0;
        if (leaf->Count >= VmAreaNode.SlotCount && !TryTakeSpareNodes(cpu, ref spare, out spareCount))
        {
            return false;
        }

        bool wasLast = slot == leaf->Count;
        InsertSlot(0, slot, inserted.Start.Value, inserted.End.Value, area.Value, ref spare, ref spareCount);
        Chain(area, ref inserted, previous, next);
        head->Count++;
        if (wasLast && !next.IsNone)
        {
            SetFloor(next, inserted.End.Value);
        }

        return true;
    }

    /// <summary>Takes a VMA out; its memory stays the caller's.</summary>
    /// <returns>False, with a report, where the tree does not hold it.</returns>
    public bool Remove(CpuId cpu, VmAreaRef area)
    {
        ref VmArea removed = ref this[area];
        if (!TryFindExact(area, ref removed))
        {
            return false;
        }

        VmAreaRef next = removed.Next;
        VmAreaRef previous = removed.Previous;
        VmAreaNode* leaf = Pointer(path.Nodes[0]);
        int slot = path.Slots[0];
        bool wasLast = slot == leaf->Count - 1;
        RemoveSlots(leaf, slot, 1);
        if (!previous.IsNone)
        {
            this[previous].Next = next;
        }

        if (!next.IsNone)
        {
            this[next].Previous = previous;
        }

        head->Count--;
        Rebalance(cpu);
        if (wasLast && !next.IsNone)
        {
            SetFloor(next, previous.IsNone ? 0 : this[previous].End.Value);
        }

        return true;
    }

    /// <summary>Moves a VMA's bounds; the new range overlaps no other VMA.</summary>
    /// <returns>False, with a report, where the tree does not hold it.</returns>
    public bool Resize(VmAreaRef area, VirtAddr start, VirtAddr end)
    {
        ref VmArea resized = ref this[area];
        if (!TryFindExact(area, ref resized))
        {
            return false;
        }

        VmAreaNode* leaf = Pointer(path.Nodes[0]);
        int slot = path.Slots[0];
        bool isEndOfLeafMoved = slot == leaf->Count - 1 && end != resized.End;
        resized.Start = start;
        resized.End = end;
        Start(leaf, slot) = start.Value;
        Extent(leaf, slot) = end.Value;
        UpdateAncestors(0);
        if (isEndOfLeafMoved && !resized.Next.IsNone)
        {
            SetFloor(resized.Next, end.Value);
        }

        return true;
    }

    private bool TryPlantRoot(CpuId cpu, VmAreaRef area, ref VmArea inserted)
    {
        if (!nodeCache.TryAllocate(cpu, GfpFlags.Kernel, out PhysAddr root))
        {
            return false;
        }

        VmAreaNode* leaf = NewNode(root.Value, 0);
        leaf->Count = 1;
        leaf->Starts[0] = inserted.Start.Value;
        leaf->Extents[0] = inserted.End.Value;
        leaf->Targets[0] = area.Value;
        Chain(area, ref inserted, VmAreaRef.None, VmAreaRef.None);
        *head = new VmAreaTreeHead { Root = root.Value, Height = 1, Count = 1 };
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Chain(VmAreaRef area, ref VmArea inserted, VmAreaRef previous, VmAreaRef next)
    {
        inserted.Previous = previous;
        inserted.Next = next;
        if (!previous.IsNone)
        {
            this[previous].Next = area;
        }

        if (!next.IsNone)
        {
            this[next].Previous = area;
        }
    }

    // mas_preallocate: one node for every full one from the leaf upwards, and one more where the root is among them.
    private bool TryTakeSpareNodes(CpuId cpu, ref VmAreaPath.Words spare, out int spareCount)
    {
        spareCount = 0;
        int height = head->Height;
        int wanted = 0;
        while (wanted < height && Pointer(path.Nodes[wanted])->Count == VmAreaNode.SlotCount)
        {
            wanted++;
        }

        wanted += wanted == height ? 1 : 0;
        bool isEnough = height < VmAreaPath.LevelsMax || wanted <= height;
        while (isEnough && spareCount < wanted)
        {
            isEnough = nodeCache.TryAllocate(cpu, GfpFlags.Kernel, out PhysAddr node);
            spare[spareCount] = node.Value;
            spareCount += isEnough ? 1 : 0;
        }

        while (!isEnough && spareCount > 0)
        {
            nodeCache.Free(cpu, new PhysAddr(spare[--spareCount]));
        }

        return isEnough;
    }

    private VmAreaNode* NewNode(ulong address, int level)
    {
        VmAreaNode* node = Pointer(address);
        node->Kind = (ushort)(VmAreaNode.KindMagic | level);
        node->Count = 0;
        node->Floor = 0;
        return node;
    }

    // A freed node is no node of any level, so a stale pointer to it is found.
    private void FreeNode(CpuId cpu, ulong address)
    {
        Pointer(address)->Kind = 0;
        nodeCache.Free(cpu, new PhysAddr(address));
    }

    // Puts a slot into the path's node of a level, and splits upwards as far as nodes are full (mas_split).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void InsertSlot(int level, int slot, ulong start, ulong extent, ulong target, ref VmAreaPath.Words spare, ref int spareCount)
    {
        VmAreaNode* node = Pointer(path.Nodes[level]);
        if (node->Count < VmAreaNode.SlotCount)
        {
            PutSlot(node, slot, start, extent, target);
            UpdateAncestors(level);
            return;
        }

        InsertSplitting(node, level, slot, start, extent, target, ref spare, ref spareCount);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void InsertSplitting(
        VmAreaNode* node, int level, int slot, ulong start, ulong extent, ulong target, ref VmAreaPath.Words spare, ref int spareCount)
    {
        ulong rightAddress = spare[--spareCount];
        VmAreaNode* right = NewNode(rightAddress, level);
        const int half = VmAreaNode.SlotCount / 2;
        MoveSlots(node, half, right, 0, VmAreaNode.SlotCount - half);
        if (slot <= half)
        {
            PutSlot(node, slot, start, extent, target);
        }
        else
        {
            PutSlot(right, slot - half, start, extent, target);
        }

        right->Floor = level == 0 ? node->Extents[node->Count - 1] : 0;
        if (level == head->Height - 1)
        {
            GrowRoot(path.Nodes[level], rightAddress, level, spare[--spareCount]);
            return;
        }

        int parentSlot = path.Slots[level + 1];
        VmAreaNode* parent = Pointer(path.Nodes[level + 1]);
        parent->Starts[parentSlot] = node->Starts[0];
        parent->Extents[parentSlot] = LargestGap(node, level);
        InsertSlot(level + 1, parentSlot + 1, right->Starts[0], LargestGap(right, level), rightAddress, ref spare, ref spareCount);
    }

    private void GrowRoot(ulong left, ulong right, int level, ulong root)
    {
        VmAreaNode* node = NewNode(root, level + 1);
        PutSlot(node, 0, Pointer(left)->Starts[0], LargestGap(Pointer(left), level), left);
        PutSlot(node, 1, Pointer(right)->Starts[0], LargestGap(Pointer(right), level), right);
        head->Root = root;
        head->Height = level + 2;
    }

    // Tells each ancestor its child's first address and largest gap, until nothing changes.
    private void UpdateAncestors(int level)
    {
        int top = head->Height - 1;
        for (int l = level; l < top; l++)
        {
            VmAreaNode* child = Pointer(path.Nodes[l]);
            VmAreaNode* parent = Pointer(path.Nodes[l + 1]);
            int slot = path.Slots[l + 1];
            ulong gap = LargestGap(child, l);
            if (slot >= parent->Count || Target(parent, slot) != path.Nodes[l] || child->Count == 0)
            {
                continue; // the child was joined to its neighbour, whose slot is up to date
            }

            if (Start(parent, slot) == Start(child, 0) && Extent(parent, slot) == gap)
            {
                return;
            }

            Start(parent, slot) = Start(child, 0);
            Extent(parent, slot) = gap;
        }
    }

    // The largest gap in front of any VMA below a node.
    private static ulong LargestGap(VmAreaNode* node, int level)
    {
        int count = node->Count;
        ulong largest = 0;
        if (level > 0)
        {
            for (int i = 0; i < count; i++)
            {
                largest = Math.Max(largest, Extent(node, i));
            }

            return largest;
        }

        ulong end = node->Floor;
        for (int i = 0; i < count; i++)
        {
            largest = Math.Max(largest, unchecked(Start(node, i) - end));
            end = Extent(node, i);
        }

        return largest;
    }

    // The VMA before `area` ends elsewhere now. Only a leaf's first VMA keeps that in its leaf.
    private void SetFloor(VmAreaRef area, ulong floor)
    {
        if (TryFindExact(area, ref this[area]) && path.Slots[0] == 0)
        {
            Pointer(path.Nodes[0])->Floor = floor;
            UpdateAncestors(0);
        }
    }

    // Makes `path` the way to a VMA.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryFindExact(VmAreaRef area, ref VmArea content)
    {
        if (TryFindPath(content.Start.Value))
        {
            int slot = path.Slots[0];
            if (slot >= 0 && Target(Pointer(path.Nodes[0]), slot) == area.Value)
            {
                return true;
            }
        }

        Report("VMA not in its tree", area.Value, content.Start.Value, 0);
        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PutSlot(VmAreaNode* node, int slot, ulong start, ulong extent, ulong target)
    {
        VmAreaColumn.Insert(&node->Starts, slot, start);
        VmAreaColumn.Insert(&node->Extents, slot, extent);
        VmAreaColumn.Insert(&node->Targets, slot, target);
        node->Count++;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void RemoveSlots(VmAreaNode* node, int slot, int count)
    {
        VmAreaColumn.Remove(&node->Starts, slot, count);
        VmAreaColumn.Remove(&node->Extents, slot, count);
        VmAreaColumn.Remove(&node->Targets, slot, count);
        node->Count = (ushort)(node->Count - count);
    }

    // Appends `count` slots to `to` and takes them from the end or, where all go, from the whole of `from`.
    private static void MoveSlots(VmAreaNode* from, int fromSlot, VmAreaNode* to, int toSlot, int count)
    {
        for (int i = 0; i < count; i++)
        {
            CopySlot(from, fromSlot + i, to, toSlot + i);
        }

        from->Count = (ushort)(from->Count - count);
        to->Count = (ushort)(toSlot + count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopySlot(VmAreaNode* from, int fromSlot, VmAreaNode* to, int toSlot)
    {
        to->Starts[toSlot] = from->Starts[fromSlot];
        to->Extents[toSlot] = from->Extents[fromSlot];
        to->Targets[toSlot] = from->Targets[fromSlot];
    }
}
