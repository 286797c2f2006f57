using Engine.Arm64.Units;

namespace Engine.Arm64.Processes;

/// <content>The tree's invariants.</content>
public sealed unsafe partial class VmAreaTree
{
    /// <summary>
    /// Walks the whole tree and checks every invariant: kinds, fill, order, exact first addresses and gaps in inner nodes, floors,
    /// leaves that agree with their VMAs, the chain, the count. What is wrong goes to the corruption log.
    /// </summary>
    /// <returns>Whether nothing was wrong.</returns>
    public bool Verify()
    {
        long before = log.Count;
        int height = head->Height;
        if (height < 0 || height > VmAreaPath.LevelsMax)
        {
            Report("tree height", head->Root, VmAreaPath.LevelsMax, unchecked((ulong)height));
            return false;
        }

        int counted = 0;
        VmAreaRef previous = VmAreaRef.None;
        if (height > 0)
        {
            VerifyNode(head->Root, height - 1, isRoot: true, ref previous, ref counted);
        }

        Expect("next of the last VMA", previous.Value, VmAreaRef.None.Value, previous.IsNone ? VmAreaRef.None.Value : this[previous].Next.Value);
        Expect("VMA count", head->Root, (ulong)counted, unchecked((ulong)head->Count));
        return log.Count == before;
    }

    private void VerifyNode(ulong address, int level, bool isRoot, ref VmAreaRef previous, ref int counted)
    {
        VmAreaNode* node = Node(address, level);
        if (node == null)
        {
            return;
        }

        int least = isRoot ? level > 0 ? 2 : 1 : FillMin;
        if (node->Count < least)
        {
            Report("thin node", address, (ulong)least, node->Count);
        }

        if (level == 0)
        {
            Expect("floor of a leaf", address, previous.IsNone ? 0 : this[previous].End.Value, node->Floor);
        }

        for (int i = 0; i < node->Count; i++)
        {
            if (level == 0)
            {
                VerifyArea(node, i, ref previous, ref counted);
                continue;
            }

            ulong child = node->Targets[i];
            VerifyNode(child, level - 1, isRoot: false, ref previous, ref counted);
            if (Node(child, level - 1) is var below && below != null)
            {
                Expect("first address of a child", address, below->Starts[0], node->Starts[i]);
                Expect("largest gap of a child", address, LargestGap(below, level - 1), node->Extents[i]);
            }
        }
    }

    private void VerifyArea(VmAreaNode* leaf, int slot, ref VmAreaRef previous, ref int counted)
    {
        VmAreaRef reference = new(leaf->Targets[slot]);
        ref VmArea area = ref this[reference];
        Expect("start of a VMA", reference.Value, leaf->Starts[slot], area.Start.Value);
        Expect("end of a VMA", reference.Value, leaf->Extents[slot], area.End.Value);
        Expect("previous of a VMA", reference.Value, previous.Value, area.Previous.Value);
        VirtAddr floor = default;
        if (!previous.IsNone)
        {
            Expect("next of a VMA", previous.Value, reference.Value, this[previous].Next.Value);
            floor = this[previous].End;
        }

        if (area.Start < floor || area.End <= area.Start || ((area.Start.Value | area.End.Value) & 0xfff) != 0)
        {
            Report("range of a VMA", reference.Value, floor.Value, area.Start.Value);
        }

        previous = reference;
        counted++;
    }

    private void Expect(string what, ulong address, ulong expected, ulong found)
    {
        if (expected != found)
        {
            Report(what, address, expected, found);
        }
    }
}
