// The VMAs of one process, by address: a B+tree whose nodes lie in the arena (the maple tree's role, mm/mmap.c).
//
// A leaf holds up to ten VMAs: where each begins, where it ends, and where its VmArea lies; so a lookup reads two or
// three nodes and touches no VMA but the one it returns. An inner node holds, per child, the first byte of the child's
// first VMA (exactly, so it routes and never needs to be guessed) and the largest gap in front of any VMA below the
// child. The gap in front of a leaf's first VMA reaches back into the leaf before; for that a leaf keeps its `Floor`,
// the end of the VMA before its first. Gaps above the last VMA belong to nobody and are looked at separately.
// VMAs are also chained by address (VmArea.Next, Previous), so neighbours cost one load.
//
// System calls come back to the same place: mmap looks for a gap, for the neighbours there, and inserts; munmap finds, and removes.
// So the way that the last change took (or the last search for a gap) is kept as a guess. It is taken for an address only after
// all of its nodes were compared with what the tree says now, which costs less than a descent: no load waits for another.
//
// Insertion allocates every node that its splits will need before it changes anything, so it can fail cleanly.
// Removal merges a node with fewer than four slots with a neighbour, or evens the two out.
//
// Whatever is read from the arena may be garbage. A node's kind carries its level and must be the one expected at that
// depth, so a wrong pointer cannot make a descent go round in circles; counts are at most ten; every node and VMA
// address is checked to be RAM. What does not fit is reported as Corruption(VmAreaTree) and treated as absent.

using System.Numerics;
using System.Runtime.CompilerServices;
using Engine.Arm64.Units;
using Engine.Core.Arena;
using Engine.Core.Diagnostics;
using Engine.Core.Slab;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <summary>The VMAs of one process, found by address.</summary>
public sealed unsafe partial class VmAreaTree
{
    // A node with fewer slots is merged with a neighbour or filled from it; the root is exempt.
    private const int FillMin = 4;

    // The lower half of the address space, of 48 bits.
    private const ulong AddressesMax = 1UL << 48;

    private readonly PhysicalMemory memory;
    private readonly CorruptionLog log;
    private readonly SlabCache nodeCache;
    private readonly StructureWindow areas;
    private readonly StructureWindow nodes;
    private readonly VmAreaTreeHead* head;
    private VmArea absent;

    // The way that a change or a search for room took last, and the one to where the search began. Their nodes are RAM; all else has to be
    // compared before it is used.
    private VmAreaPath path;
    private VmAreaPath ceiling;

    /// <summary>Opens the tree whose root lies at an address; zeroed memory is an empty tree.</summary>
    /// <param name="caches">Where nodes come from.</param>
    /// <param name="headAddress">Where the <see cref="VmAreaTreeHead"/> lies.</param>
    /// <exception cref="ArgumentOutOfRangeException">The head would not lie in RAM.</exception>
    public VmAreaTree(MemoryMapCaches caches, PhysAddr headAddress)
    {
        memory = caches.Memory;
        log = caches.Log;
        nodeCache = caches.Nodes;
        areas = new StructureWindow(memory, VmArea.SizeBytes);
        nodes = new StructureWindow(memory, VmAreaNode.SizeBytes);

        // SAFETY: GetRef checks that the head lies in RAM; the arena does not move.
        head = (VmAreaTreeHead*)Unsafe.AsPointer(ref memory.GetRef<VmAreaTreeHead>(headAddress));
    }

    /// <summary>How many VMAs there are (<c>map_count</c>).</summary>
    public int Count => head->Count;

    /// <summary>The VMA that a reference names. A reference that cannot be one is reported, and gives a VMA that covers nothing.</summary>
    public ref VmArea this[VmAreaRef area]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            if (!areas.Holds(area.Value))
            {
                return ref Distant(area);
            }

            // SAFETY: all bytes of the VMA are RAM, and it is aligned.
            return ref Unsafe.AsRef<VmArea>(areas.At(area.Value));
        }
    }

    /// <summary>The VMA that holds an address (<c>vma_lookup</c>, <c>mas_walk</c>).</summary>
    /// <returns><see cref="VmAreaRef.None"/> where there is none.</returns>
    public VmAreaRef Find(VirtAddr address)
    {
        VmAreaNode* leaf = FindLeaf(address.Value);
        if (leaf == null)
        {
            return VmAreaRef.None;
        }

        int slot = UpperBound(leaf, address.Value) - 1;
        return slot >= 0 && address.Value < Extent(leaf, slot) ? EndingAbove(address, new VmAreaRef(Target(leaf, slot))) : VmAreaRef.None;
    }

    // A walk goes on where the VMA ends: one that says it ends below the address that it was found for would be found again for ever.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private VmAreaRef EndingAbove(VirtAddr address, VmAreaRef found) =>
        found.IsNone || (IsSound(in this[found]) && this[found].End > address) ? found : ReportRange(found);

    // Whoever walks the VMAs looks up page tables and counts pages by their bounds.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsSound(in VmArea area) => area.Start < area.End && area.End.Value <= AddressesMax;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private VmAreaRef ReportRange(VmAreaRef area)
    {
        Report("range of a VMA", area.Value, this[area].Start.Value, this[area].End.Value);
        return VmAreaRef.None;
    }

    /// <summary>The first VMA that ends above an address: the one that holds it, or the next (<c>find_vma</c>).</summary>
    /// <returns><see cref="VmAreaRef.None"/> where there is none.</returns>
    public VmAreaRef FindFrom(VirtAddr address) => FindFrom(address, out _);

    /// <summary>The first VMA that ends above an address, and the one before it (<c>find_vma_prev</c>).</summary>
    /// <param name="address">Any address.</param>
    /// <param name="previous">The VMA below the one that is returned; the highest where none is returned; <see cref="VmAreaRef.None"/> where there is none.</param>
    /// <returns><see cref="VmAreaRef.None"/> where there is none.</returns>
    public VmAreaRef FindFrom(VirtAddr address, out VmAreaRef previous) =>
        EndingAbove(address, FindFrom(FindLeaf(address.Value), address, out previous));

    private VmAreaRef FindFrom(VmAreaNode* leaf, VirtAddr address, out VmAreaRef previous)
    {
        previous = VmAreaRef.None;
        if (leaf == null || leaf->Count == 0)
        {
            return VmAreaRef.None;
        }

        int slot = UpperBound(leaf, address.Value) - 1;
        if (slot < 0 || address.Value < Extent(leaf, slot))
        {
            VmAreaRef found = new(Target(leaf, slot < 0 ? 0 : slot));
            previous = slot > 0 ? new VmAreaRef(Target(leaf, slot - 1)) : PreviousOf(found);
            return found;
        }

        previous = new VmAreaRef(Target(leaf, slot));
        return slot + 1 < leaf->Count ? new VmAreaRef(Target(leaf, slot + 1)) : NextOf(previous);
    }

    /// <summary>The first VMA that overlaps a range (<c>find_vma_intersection</c>).</summary>
    /// <returns><see cref="VmAreaRef.None"/> where there is none.</returns>
    public VmAreaRef FindIntersection(VirtAddr start, VirtAddr end)
    {
        VmAreaRef area = FindFrom(start);
        return !area.IsNone && this[area].Start < end ? area : VmAreaRef.None;
    }

    /// <summary>The lowest VMA.</summary>
    public VmAreaRef First => FindFrom(default);

    /// <summary>The highest VMA.</summary>
    public VmAreaRef Last
    {
        get
        {
            VmAreaNode* leaf = FindLeaf(ulong.MaxValue);
            return leaf == null || leaf->Count == 0 ? VmAreaRef.None : new VmAreaRef(leaf->Targets[leaf->Count - 1]);
        }
    }

    /// <summary>The next VMA by address (<c>vma_next</c>, <c>mas_find</c>). A chain that does not ascend is reported and ends there, so a walk always ends.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public VmAreaRef NextOf(VmAreaRef area)
    {
        ref VmArea here = ref this[area];
        VmAreaRef next = here.Next;
        if (!next.IsNone && this[next].Start < here.End)
        {
            Report("VMA chain does not ascend", next.Value, here.End.Value, this[next].Start.Value);
            return VmAreaRef.None;
        }

        return next.IsNone || IsSound(in this[next]) ? next : ReportRange(next);
    }

    /// <summary>The previous VMA by address. A chain that does not descend is reported and ends there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public VmAreaRef PreviousOf(VmAreaRef area)
    {
        ref VmArea here = ref this[area];
        VmAreaRef previous = here.Previous;
        if (!previous.IsNone && (this[previous].End > here.Start || this[previous].Start >= here.Start))
        {
            Report("VMA chain does not descend", previous.Value, here.Start.Value, this[previous].End.Value);
            return VmAreaRef.None;
        }

        return previous.IsNone || IsSound(in this[previous]) ? previous : ReportRange(previous);
    }

    // How many slots begin at or below an address.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int UpperBound(VmAreaNode* node, ulong address)
    {
        // The first start above the address, or the first slot that is not in use.
        return BitOperations.TrailingZeroCount(VmAreaColumn.Above(&node->Starts, address) | (1u << node->Count));
    }

    // SAFETY: of these three, a slot is one in use, and a node's count was checked when it was found; a path's slots are compared with it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref ulong Start(VmAreaNode* node, int slot) => ref ((ulong*)&node->Starts)[slot];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref ulong Extent(VmAreaNode* node, int slot) => ref ((ulong*)&node->Extents)[slot];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref ulong Target(VmAreaNode* node, int slot) => ref ((ulong*)&node->Targets)[slot];

    // Descends to the leaf that an address belongs to; null where there is none, or a node on the way cannot be one.
    private VmAreaNode* FindLeaf(ulong address)
    {
        int height = head->Height;
        if (IsOnWay(ref path, address, height))
        {
            return Pointer(path.Nodes[0]);
        }

        if (height <= 0 || height > VmAreaPath.LevelsMax)
        {
            ReportHeight(height);
            return null;
        }

        ulong node = head->Root;
        for (int level = height - 1; level > 0; level--)
        {
            VmAreaNode* inner = Node(node, level);
            if (inner == null || inner->Count == 0)
            {
                return null;
            }

            int child = UpperBound(inner, address) - 1;
            node = Target(inner, child < 0 ? 0 : child);
        }

        return Node(node, 0);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ReportHeight(int height)
    {
        if (height != 0)
        {
            Report("tree height", head->Root, VmAreaPath.LevelsMax, (ulong)(uint)height);
        }
    }

    // The node at an address if it can be one of that level; null, and a report, otherwise.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private VmAreaNode* Node(ulong address, int level)
    {
        if (nodes.Holds(address))
        {
            VmAreaNode* node = Pointer(address);
            if (node->Kind == (VmAreaNode.KindMagic | level) && node->Count <= VmAreaNode.SlotCount)
            {
                return node;
            }
        }

        return DistantNode(address, level);
    }

    // SAFETY: callers pass an address that Node() has checked, or that a slab cache gave for a node.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private VmAreaNode* Pointer(ulong address) => (VmAreaNode*)nodes.At(address);

    // Whether a way leads to the leaf that an address belongs to: every node is what its parent's slot names, and the slot is the address's.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsOnWay(ref VmAreaPath way, ulong address, int height)
    {
        if (height != way.Height || height == 0)
        {
            return false;
        }

        ulong expected = head->Root;
        for (int level = height - 1; level > 0; level--)
        {
            VmAreaNode* node = Pointer(way.Nodes[level]);
            int slot = way.Slots[level];
            int count = node->Count;
            if (way.Nodes[level] != expected || node->Kind != (VmAreaNode.KindMagic | level) || count > VmAreaNode.SlotCount || (uint)slot >= (uint)count)
            {
                return false;
            }

            if ((slot > 0 && Start(node, slot) > address) || (slot + 1 < count && Start(node, slot + 1) <= address))
            {
                return false;
            }

            expected = Target(node, slot);
        }

        VmAreaNode* leaf = Pointer(way.Nodes[0]);
        return way.Nodes[0] == expected && leaf->Kind == VmAreaNode.KindMagic && leaf->Count <= VmAreaNode.SlotCount;
    }

    // Makes `path` the way to the leaf that an address belongs to. Inner slots are clamped to 0, the leaf's may be -1.
    private bool TryFindPath(ulong address)
    {
        int height = head->Height;
        if (IsOnWay(ref path, address, height))
        {
            path.Slots[0] = UpperBound(Pointer(path.Nodes[0]), address) - 1;
            return true;
        }

        return TryDescend(ref path, address, height);
    }

    // The leaf where a search for room below an address begins.
    private VmAreaNode* FindCeiling(ulong address)
    {
        int height = head->Height;
        return IsOnWay(ref ceiling, address, height) || TryDescend(ref ceiling, address, height) ? Pointer(ceiling.Nodes[0]) : null;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryDescend(ref VmAreaPath way, ulong address, int height)
    {
        way.Height = 0;
        if (height <= 0 || height > VmAreaPath.LevelsMax)
        {
            ReportHeight(height);
            return false;
        }

        ulong address0 = head->Root;
        for (int level = height - 1; level >= 0; level--)
        {
            VmAreaNode* node = Node(address0, level);
            if (node == null || (level > 0 && node->Count == 0))
            {
                return false;
            }

            int slot = UpperBound(node, address) - 1;
            slot = level > 0 && slot < 0 ? 0 : slot;
            way.Nodes[level] = address0;
            way.Slots[level] = slot;
            address0 = level > 0 ? Target(node, slot) : 0;
        }

        way.Height = height;
        return true;
    }

    // A VMA of a later bank, or none.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private ref VmArea Distant(VmAreaRef area)
    {
        if (memory.Contains(area.Address, VmArea.SizeBytes) && (area.Value & 7) == 0)
        {
            // SAFETY: all bytes of the VMA are RAM, and it is aligned.
            return ref Unsafe.AsRef<VmArea>(areas.At(area.Value));
        }

        Report("VMA outside RAM", area.Value, 0, area.Value);
        absent = new VmArea { Next = VmAreaRef.None, Previous = VmAreaRef.None, AnonVma = AnonVmaRef.None, AnonVmaChain = new PhysAddr(ulong.MaxValue) };
        return ref absent;
    }

    // A node of a later bank, or none.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private VmAreaNode* DistantNode(ulong address, int level)
    {
        if (memory.Contains(new PhysAddr(address), VmAreaNode.SizeBytes) && (address & 7) == 0)
        {
            VmAreaNode* node = Pointer(address);
            if (node->Kind == (VmAreaNode.KindMagic | level) && node->Count <= VmAreaNode.SlotCount)
            {
                return node;
            }
        }

        bool isRam = memory.TryRead(new PhysAddr(address), out ushort kind);
        Report(isRam ? "node kind or count" : "node outside RAM", address, (ulong)(VmAreaNode.KindMagic | level), isRam ? kind : address);
        return null;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Report(string reason, ulong address, ulong expected, ulong found) =>
        log.Report(new Corruption(CorruptionCategory.VmAreaTree, reason, new PhysAddr(address), expected, found));
}
