using System.Numerics;
using Engine.Core.Diagnostics;
using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <content>The index checked against itself.</content>
internal sealed partial class PageIndex
{
    /// <summary>Checks every node: its place, its counts, its siblings, its marks.</summary>
    /// <param name="findings">Gets what is wrong.</param>
    /// <param name="entries">Gets each entry: its first index, how many indexes it covers, the entry.</param>
    /// <returns>Nodes in use.</returns>
    public int Verify(List<Corruption> findings, List<(ulong Index, ulong Count, ulong Entry)> entries)
    {
        ref AddressSpaceRecord space = ref Record;
        if (!RadixEntry.IsNode(space.Root))
        {
            if (RadixEntry.IsFolio(space.Root) || RadixEntry.IsValue(space.Root))
            {
                entries.Add((0, 1, space.Root));
            }

            Expect(findings, record, "marks of an empty index", space.Root == RadixEntry.None ? 0 : space.RootMarks, space.RootMarks);
            return 0;
        }

        HashSet<ulong> seen = [];
        uint marks = VerifyNode(findings, entries, seen, space.Root, default, 0, -1, 0);
        Expect(findings, record, "marks of the root", marks, space.RootMarks);
        return seen.Count;
    }

    // Returns a bit for each mark that anything in the node carries.
    private uint VerifyNode(
        List<Corruption> findings,
        List<(ulong Index, ulong Count, ulong Entry)> entries,
        HashSet<ulong> seen,
        ulong entry,
        PhysAddr parent,
        int offset,
        int expectedShift,
        ulong firstIndex)
    {
        PhysAddr address = new(RadixEntry.ToNode(entry));
        if (!memory.Contains(address, RadixNode.SizeBytes) || !seen.Add(address.Value))
        {
            findings.Add(new Corruption(CorruptionCategory.PageCache, "node outside memory, or reached twice", address, 0, entry));
            return 0;
        }

        ref RadixNode node = ref memory.GetRef<RadixNode>(address);
        bool isRightShift = expectedShift < 0 ? node.Shift <= ShiftMax && node.Shift % RadixNode.SlotShift == 0 : node.Shift == expectedShift;
        Expect(findings, address, "shift of a node", isRightShift ? node.Shift : (ulong)Math.Max(expectedShift, 0), node.Shift);
        if (!isRightShift)
        {
            return 0;
        }

        Expect(findings, address, "parent of a node", parent.Value, node.Parent);
        Expect(findings, address, "slot of a node in its parent", (ulong)offset, node.Offset);
        Expect(findings, address, "owner of a node", record.Value, node.Array);
        return VerifySlots(findings, entries, seen, address, firstIndex);
    }

    private uint VerifySlots(
        List<Corruption> findings, List<(ulong Index, ulong Count, ulong Entry)> entries, HashSet<ulong> seen, PhysAddr address, ulong firstIndex)
    {
        ref RadixNode node = ref memory.GetRef<RadixNode>(address);
        int used = 0;
        ulong occupied = 0;
        for (int slot = 0; slot < RadixNode.SlotCount; slot++)
        {
            ulong entry = node.Slots[slot];
            if (entry == RadixEntry.None)
            {
                continue;
            }

            used++;
            if (RadixEntry.IsSibling(entry))
            {
                int main = RadixEntry.ToSibling(entry);
                bool isRight = main < slot && (RadixEntry.IsFolio(node.Slots[main]) || RadixEntry.IsValue(node.Slots[main])) && main + SlotsOf(ref node, main) > slot;
                Expect(findings, address, "sibling of nothing", isRight ? entry : RadixEntry.None, entry);
                continue;
            }

            occupied |= 1UL << slot;
            ulong index = firstIndex + ((ulong)(uint)slot << node.Shift);
            if (RadixEntry.IsFolio(entry) || RadixEntry.IsValue(entry))
            {
                int slots = SlotsOf(ref node, slot);
                Expect(findings, address, "slots of an entry", BitOperations.RoundUpToPowerOf2((uint)slots), (ulong)slots);
                entries.Add((index, (ulong)slots << node.Shift, entry));
            }
            else if (RadixEntry.IsNode(entry))
            {
                uint marks = VerifyNode(findings, entries, seen, entry, address, slot, node.Shift - RadixNode.SlotShift, index);
                foreach (PageMark mark in AllMarks)
                {
                    Expect(findings, address, "mark of a child", (marks >> (int)mark) & 1, (node.Marks(mark) >> slot) & 1);
                }
            }
        }

        Expect(findings, address, "slots in use", (ulong)Math.Max(used, 1), node.Count);
        uint all = 0;
        foreach (PageMark mark in AllMarks)
        {
            Expect(findings, address, "mark on an empty slot", node.Marks(mark) & occupied, node.Marks(mark));
            all |= node.Marks(mark) != 0 ? 1u << (int)mark : 0;
        }

        return all;
    }

    private static void Expect(List<Corruption> findings, PhysAddr address, string what, ulong expected, ulong found)
    {
        if (expected != found)
        {
            findings.Add(new Corruption(CorruptionCategory.PageCache, what, address, expected, found));
        }
    }
}
