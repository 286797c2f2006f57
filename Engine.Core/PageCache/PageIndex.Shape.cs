using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <content>How the tree grows and shrinks.</content>
internal sealed partial class PageIndex
{
    // Adds levels at the top until the index is covered (xas_expand).
    private bool TryGrow(CpuId cpu, ulong lastIndex, int level)
    {
        ref AddressSpaceRecord space = ref Record;
        if (!RadixEntry.IsNode(space.Root))
        {
            int shift = level;
            while (!Covers(shift, lastIndex))
            {
                shift += RadixNode.SlotShift;
            }

            return TryPushRoot(cpu, shift);
        }

        while (TryEnter(space.Root, -1, out PhysAddr address))
        {
            int shift = memory.GetRef<RadixNode>(address).Shift;
            if (Covers(shift, lastIndex) && shift >= level)
            {
                return true;
            }

            if (!TryPushRoot(cpu, shift + RadixNode.SlotShift))
            {
                return false;
            }
        }

        return false;
    }

    // Puts a node above the root; what was the root goes to its slot 0.
    private bool TryPushRoot(CpuId cpu, int shift)
    {
        if (!TryAllocateNode(cpu, shift, default, 0, out PhysAddr address))
        {
            return false;
        }

        ref AddressSpaceRecord space = ref Record;
        ref RadixNode node = ref memory.GetRef<RadixNode>(address);
        ulong old = space.Root;
        if (old != RadixEntry.None)
        {
            if (!RadixEntry.IsNode(old) && shift > 0)
            {
                // A lone page 0 needs the whole path down to a leaf.
                if (!TryAllocateLeafPath(cpu, address, old))
                {
                    FreePath(cpu, address);
                    return false;
                }
            }
            else
            {
                node.Slots[0] = old;
                node.Count = 1;
                if (RadixEntry.IsNode(old))
                {
                    ref RadixNode child = ref memory.GetRef<RadixNode>(new PhysAddr(RadixEntry.ToNode(old)));
                    child.Parent = address.Value;
                    child.Offset = 0;
                }
            }

            foreach (PageMark mark in AllMarks)
            {
                node.Marks(mark) = (space.RootMarks >> (int)mark) & 1;
            }
        }

        space.Root = RadixEntry.FromNode(address.Value);
        return true;
    }

    // From a new node without entries down to a leaf whose slot 0 holds the entry of page 0.
    private bool TryAllocateLeafPath(CpuId cpu, PhysAddr top, ulong entry)
    {
        PhysAddr at = top;
        while (true)
        {
            ref RadixNode node = ref memory.GetRef<RadixNode>(at);
            foreach (PageMark mark in AllMarks)
            {
                node.Marks(mark) = (Record.RootMarks >> (int)mark) & 1;
            }

            if (node.Shift == 0)
            {
                node.Slots[0] = entry;
                node.Count = 1;
                return true;
            }

            if (!TryAllocateNode(cpu, node.Shift - RadixNode.SlotShift, at, 0, out PhysAddr child))
            {
                return false;
            }

            node.Slots[0] = RadixEntry.FromNode(child.Value);
            node.Count = 1;
            at = child;
        }
    }

    private void FreePath(CpuId cpu, PhysAddr top)
    {
        ulong entry = RadixEntry.FromNode(top.Value);
        while (RadixEntry.IsNode(entry))
        {
            PhysAddr address = new(RadixEntry.ToNode(entry));
            entry = memory.GetRef<RadixNode>(address).Slots[0];
            nodes.Free(cpu, address);
        }
    }

    // Goes down to a level, adding nodes that lack.
    private bool TryDescend(CpuId cpu, ulong index, int level, out PhysAddr address, out PageIndexResult why)
    {
        why = PageIndexResult.Done;
        int expectedShift = -1;
        ulong entry = Record.Root;
        while (TryEnter(entry, expectedShift, out address))
        {
            ref RadixNode node = ref memory.GetRef<RadixNode>(address);
            if (node.Shift <= level)
            {
                return true;
            }

            int slot = SlotOf(index, node.Shift);
            entry = node.Slots[slot];
            if (entry == RadixEntry.None)
            {
                if (!TryAllocateNode(cpu, node.Shift - RadixNode.SlotShift, address, slot, out PhysAddr child))
                {
                    return false;
                }

                entry = RadixEntry.FromNode(child.Value);
                node.Slots[slot] = entry;
                node.Count = unchecked((byte)(node.Count + 1));
            }
            else if (!RadixEntry.IsNode(entry))
            {
                why = PageIndexResult.Occupied;
                return true;
            }

            expectedShift = node.Shift - RadixNode.SlotShift;
        }

        why = PageIndexResult.Occupied;
        return true;
    }

    private bool TryAllocateNode(CpuId cpu, int shift, PhysAddr parent, int offset, out PhysAddr address)
    {
        if (!nodes.TryAllocate(cpu, GfpFlags.Kernel | GfpFlags.Zero, out address))
        {
            return false;
        }

        ref RadixNode node = ref memory.GetRef<RadixNode>(address);
        node.Shift = (byte)shift;
        node.Offset = (byte)offset;
        node.Parent = parent.Value;
        node.Array = record.Value;
        return true;
    }

    // Frees empty nodes on the way to an index, from the bottom, then levels at the top that hold slot 0 only (xas_shrink).
    private void Trim(CpuId cpu, ulong index)
    {
        Span<ulong> path = stackalloc ulong[(ShiftMax / RadixNode.SlotShift) + 1];
        int depth = 0;
        ulong entry = Record.Root;
        int expectedShift = -1;
        while (depth < path.Length && RadixEntry.IsNode(entry) && TryEnter(entry, expectedShift, out PhysAddr address))
        {
            ref RadixNode node = ref memory.GetRef<RadixNode>(address);
            path[depth++] = address.Value;
            entry = node.Slots[SlotOf(index, node.Shift)];
            expectedShift = node.Shift - RadixNode.SlotShift;
        }

        while (depth > 0)
        {
            PhysAddr address = new(path[--depth]);
            ref RadixNode node = ref memory.GetRef<RadixNode>(address);
            if (node.Count != 0)
            {
                break;
            }

            if (depth == 0)
            {
                Record.Root = RadixEntry.None;
                Record.RootMarks = 0;
            }
            else
            {
                ref RadixNode parent = ref memory.GetRef<RadixNode>(new PhysAddr(path[depth - 1]));
                parent.Slots[SlotOf(index, parent.Shift)] = RadixEntry.None;
                parent.Count = unchecked((byte)(parent.Count - 1));
            }

            nodes.Free(cpu, address);
        }

        ShrinkTop(cpu);
    }

    private void ShrinkTop(CpuId cpu)
    {
        ref AddressSpaceRecord space = ref Record;
        for (int guard = 0; guard <= ShiftMax && RadixEntry.IsNode(space.Root) && TryEnter(space.Root, -1, out PhysAddr address); guard++)
        {
            ref RadixNode node = ref memory.GetRef<RadixNode>(address);
            ulong first = node.Slots[0];
            bool isLonePage = node.Shift == 0 && RadixEntry.IsFolio(first);
            if (node.Count != 1 || (!RadixEntry.IsNode(first) && !isLonePage))
            {
                return;
            }

            if (RadixEntry.IsNode(first))
            {
                if (!TryEnter(first, node.Shift - RadixNode.SlotShift, out PhysAddr child))
                {
                    return;
                }

                memory.GetRef<RadixNode>(child).Parent = 0;
            }

            space.Root = first;
            nodes.Free(cpu, address);
        }
    }
}
