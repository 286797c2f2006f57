// A file's page index: Linux's xarray as the page cache uses it (lib/xarray.c), in the arena.
//
// A radix tree of 64-slot nodes. A folio of order k takes 2^k indexes; its entry stands at the level whose slots are
// the largest that do not exceed the folio, in the first of 2^(k mod 6) slots, and the slots after it are siblings that
// point back to it. A file with nothing but page 0 needs no node: the root is the entry.
// A mark on a slot says that something below it carries the mark, so a scan skips what does not.
//
// Whatever is read from the arena may be garbage. A child is entered only where its address is RAM, and its shift is
// exactly one level below its parent's: so every descent ends after at most eleven steps. All else is reported.

using Engine.Core.Arena;
using Engine.Core.Diagnostics;
using Engine.Core.Slab;
using Engine.Core.Units;

namespace Engine.Core.PageCache;

/// <summary>The index of one file's cached pages.</summary>
internal sealed partial class PageIndex
{
    private const int ShiftMax = 60;

    private readonly PhysicalMemory memory;
    private readonly SlabCache nodes;
    private readonly CorruptionLog log;
    private readonly PhysAddr record;

    /// <summary>Wraps the index whose root is in a record.</summary>
    public PageIndex(PhysicalMemory memory, SlabCache nodes, CorruptionLog log, PhysAddr record)
    {
        this.memory = memory;
        this.nodes = nodes;
        this.log = log;
        this.record = record;
    }

    private ref AddressSpaceRecord Record => ref memory.GetRef<AddressSpaceRecord>(record);

    /// <summary>What the index holds for a page: a folio, a value, or nothing.</summary>
    public ulong Load(ulong index)
    {
        ulong entry = Record.Root;
        if (!RadixEntry.IsNode(entry))
        {
            return index == 0 ? entry : RadixEntry.None;
        }

        int expectedShift = -1;
        while (TryEnter(entry, expectedShift, out PhysAddr address))
        {
            ref RadixNode node = ref memory.GetRef<RadixNode>(address);
            int shift = node.Shift;
            if (expectedShift < 0 && !Covers(shift, index))
            {
                return RadixEntry.None;
            }

            entry = node.Slots[SlotOf(index, shift)];
            if (RadixEntry.IsSibling(entry))
            {
                entry = node.Slots[RadixEntry.ToSibling(entry)];
            }

            if (!RadixEntry.IsNode(entry))
            {
                return RadixEntry.IsSibling(entry) ? Broken(address, "sibling leads to a sibling", entry) : entry;
            }

            expectedShift = shift - RadixNode.SlotShift;
        }

        return RadixEntry.None;
    }

    /// <summary>Puts an entry at the first of 2^<paramref name="order"/> free indexes (<c>xas_store</c>).</summary>
    public PageIndexResult TryStore(CpuId cpu, ulong index, int order, ulong entry)
    {
        ulong root = Record.Root;
        if (root == RadixEntry.None && index == 0 && order == 0)
        {
            Record.Root = entry;
            return PageIndexResult.Done;
        }

        int level = order / RadixNode.SlotShift * RadixNode.SlotShift;
        if (!TryGrow(cpu, index + (1UL << order) - 1, level)
            || !TryDescend(cpu, index, level, out PhysAddr address, out PageIndexResult why))
        {
            Trim(cpu, index);
            return PageIndexResult.OutOfMemory;
        }

        if (why != PageIndexResult.Done)
        {
            return why;
        }

        ref RadixNode node = ref memory.GetRef<RadixNode>(address);
        int slot = SlotOf(index, level);
        int slots = 1 << (order - level);
        for (int i = 0; i < slots; i++)
        {
            if (node.Slots[(slot + i) & RadixNode.SlotMask] != RadixEntry.None)
            {
                return PageIndexResult.Occupied;
            }
        }

        node.Slots[slot] = entry;
        for (int i = 1; i < slots; i++)
        {
            node.Slots[(slot + i) & RadixNode.SlotMask] = RadixEntry.FromSibling(slot);
        }

        node.Count = unchecked((byte)(node.Count + slots));
        return PageIndexResult.Done;
    }

    /// <summary>Takes the entry away that covers an index, its marks, and the nodes that it alone kept.</summary>
    /// <returns>The entry that was there.</returns>
    public ulong Erase(CpuId cpu, ulong index)
    {
        ref AddressSpaceRecord space = ref Record;
        if (!RadixEntry.IsNode(space.Root))
        {
            if (index != 0)
            {
                return RadixEntry.None;
            }

            ulong only = space.Root;
            space.Root = RadixEntry.None;
            space.RootMarks = 0;
            return only;
        }

        if (!TryFindSlot(index, out PhysAddr address, out int slot))
        {
            return RadixEntry.None;
        }

        ref RadixNode node = ref memory.GetRef<RadixNode>(address);
        ulong found = node.Slots[slot];
        int count = SlotsOf(ref node, slot);
        foreach (PageMark mark in AllMarks)
        {
            ClearMark(index, mark);
        }

        for (int i = 0; i < count; i++)
        {
            node.Slots[slot + i] = RadixEntry.None;
        }

        node.Count = (byte)Math.Max(0, node.Count - count);
        Trim(cpu, index);
        return found;
    }

    private static int SlotOf(ulong index, int shift) => (int)((index >> shift) & RadixNode.SlotMask);

    private static bool Covers(int shift, ulong index) =>
        shift + RadixNode.SlotShift >= 64 || index >> (shift + RadixNode.SlotShift) == 0;

    // How many slots the entry at a slot takes: itself and the siblings after it.
    private static int SlotsOf(ref RadixNode node, int slot)
    {
        ulong sibling = RadixEntry.FromSibling(slot);
        int end = slot + 1;
        while (end < RadixNode.SlotCount && node.Slots[end] == sibling)
        {
            end++;
        }

        return end - slot;
    }

    // Whether an entry leads to a node of the shift that its place demands (-1: any, at the root).
    private bool TryEnter(ulong entry, int expectedShift, out PhysAddr address)
    {
        address = new PhysAddr(RadixEntry.ToNode(entry));
        if ((address.Value & 7) != 0 || !memory.Contains(address, RadixNode.SizeBytes))
        {
            Broken(address, "node outside memory", entry);
            return false;
        }

        int shift = memory.GetRef<RadixNode>(address).Shift;
        bool isRight = expectedShift < 0 ? shift <= ShiftMax && shift % RadixNode.SlotShift == 0 : shift == expectedShift;
        if (!isRight)
        {
            log.Report(new Corruption(CorruptionCategory.PageCache, "node at the wrong level", address, (ulong)Math.Max(expectedShift, 0), (ulong)shift));
        }

        return isRight;
    }

    // The node and the first slot of the entry that covers an index; false where there is none.
    private bool TryFindSlot(ulong index, out PhysAddr address, out int slot)
    {
        ulong entry = Record.Root;
        int expectedShift = -1;
        address = default;
        slot = 0;
        while (RadixEntry.IsNode(entry) && TryEnter(entry, expectedShift, out address))
        {
            ref RadixNode node = ref memory.GetRef<RadixNode>(address);
            if (expectedShift < 0 && !Covers(node.Shift, index))
            {
                return false;
            }

            slot = SlotOf(index, node.Shift);
            entry = node.Slots[slot];
            if (RadixEntry.IsSibling(entry))
            {
                slot = RadixEntry.ToSibling(entry);
                entry = node.Slots[slot];
            }

            if (!RadixEntry.IsNode(entry))
            {
                return entry != RadixEntry.None;
            }

            expectedShift = node.Shift - RadixNode.SlotShift;
        }

        return false;
    }

    private ulong Broken(PhysAddr address, string reason, ulong found)
    {
        log.Report(new Corruption(CorruptionCategory.PageCache, reason, address, 0, found));
        return RadixEntry.None;
    }
}
