using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <content>What a removal leaves: thin nodes are joined with a neighbour, or the two are evened out.</content>
public sealed unsafe partial class VmAreaTree
{
    // After a removal from the path's leaf: fills or merges thin nodes upwards, takes away an empty or single-child root.
    private void Rebalance(CpuId cpu)
    {
        int level = 0;
        while (level < head->Height - 1 && Pointer(path.Nodes[level])->Count < FillMin)
        {
            VmAreaNode* parent = Pointer(path.Nodes[level + 1]);
            if (parent->Count < 2)
            {
                break;
            }

            bool isJoined = TryJoin(cpu, parent, path.Slots[level + 1], level);
            level++;
            if (!isJoined)
            {
                break;
            }
        }

        UpdateAncestors(level);
        while (head->Height > 0)
        {
            VmAreaNode* root = Node(head->Root, head->Height - 1);
            if (root == null || root->Count > (head->Height == 1 ? 0 : 1))
            {
                return;
            }

            ulong only = root->Targets[0];
            FreeNode(cpu, head->Root);
            head->Root = only;
            head->Height--;
        }
    }

    // Joins a thin child with a neighbour, or evens the two out (mas_rebalance). True where the parent lost a slot.
    private bool TryJoin(CpuId cpu, VmAreaNode* parent, int slot, int level)
    {
        int leftSlot = slot > 0 ? slot - 1 : 0;
        VmAreaNode* left = Node(parent->Targets[leftSlot], level);
        VmAreaNode* right = Node(parent->Targets[leftSlot + 1], level);
        if (left == null || right == null)
        {
            return false;
        }

        int total = left->Count + right->Count;
        if (total <= VmAreaNode.SlotCount)
        {
            if (left->Count == 0)
            {
                left->Floor = right->Floor;
            }

            MoveSlots(right, 0, left, left->Count, right->Count);
            FreeNode(cpu, parent->Targets[leftSlot + 1]);
            RemoveSlots(parent, leftSlot + 1, 1);
        }
        else
        {
            EvenOut(left, right, total / 2);
            right->Floor = level == 0 ? left->Extents[left->Count - 1] : 0;
            parent->Starts[leftSlot + 1] = right->Starts[0];
            parent->Extents[leftSlot + 1] = LargestGap(right, level);
        }

        parent->Starts[leftSlot] = left->Starts[0];
        parent->Extents[leftSlot] = LargestGap(left, level);
        return true;
    }

    private static void EvenOut(VmAreaNode* left, VmAreaNode* right, int leftCount)
    {
        if (left->Count > leftCount)
        {
            int moved = left->Count - leftCount;
            for (int i = right->Count - 1; i >= 0; i--)
            {
                CopySlot(right, i, right, i + moved);
            }

            for (int i = 0; i < moved; i++)
            {
                CopySlot(left, leftCount + i, right, i);
            }

            left->Count = (ushort)leftCount;
            right->Count = (ushort)(right->Count + moved);
        }
        else
        {
            int moved = leftCount - left->Count;
            int rest = right->Count - moved;
            for (int i = 0; i < moved; i++)
            {
                CopySlot(right, i, left, left->Count + i);
            }

            for (int i = 0; i < rest; i++)
            {
                CopySlot(right, i + moved, right, i);
            }

            left->Count = (ushort)leftCount;
            right->Count = (ushort)rest;
        }
    }
}
