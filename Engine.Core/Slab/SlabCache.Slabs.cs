using Engine.Core.Units;

namespace Engine.Core.Slab;

/// <content>Slabs: from and to the page allocator, and on the node's lists.</content>
public sealed unsafe partial class SlabCache
{
    // What a caller's flags may say about a slab's pages (GFP_RECLAIM_MASK).
    private const GfpFlags PageFlagsMask = GfpFlags.Reclaim | GfpFlags.High | GfpFlags.Io | GfpFlags.Fs | GfpFlags.NoWarn | GfpFlags.RetryMayFail
        | GfpFlags.NoFail | GfpFlags.NoRetry | GfpFlags.MemAlloc | GfpFlags.NoMemAlloc | GfpFlags.HardWall | GfpFlags.ThisNode;

    private enum ListEnd
    {
        Head,
        Tail,
    }

    private void InitializeNode(NodeGate home)
    {
        SlabNode* node = home.Node;
        node->PartialFirst = node->PartialLast = Pfn.None.Value;
        node->FullFirst = node->FullLast = Pfn.None.Value;
        for (int i = 0; i < SlabNode.BarnPagesMax; i++)
        {
            node->BarnPages[i] = Pfn.None.Value;
        }

        node->ShuffleState = Mix(system.Options.Seed + 0x51ab + (ulong)number + ((ulong)home.Number << 32));
    }

    // new_slab() and allocate_slab(): at the preferred order without effort, then at the smallest with the caller's.
    private bool TryAllocateSlab(CpuId cpu, GfpFlags gfp, int node, out SlabPage slab)
    {
        GfpFlags flags = (gfp & PageFlagsMask) | ZoneFlags();
        GfpFlags first = (flags | GfpFlags.NoWarn | GfpFlags.NoRetry) & ~GfpFlags.NoFail;
        Order order = Geometry.SlabOrder;
        if ((flags & GfpFlags.DirectReclaim) != 0 && order > Geometry.FallbackOrder)
        {
            first = (first | GfpFlags.NoMemAlloc) & ~GfpFlags.Reclaim;
        }

        if (!TryAllocateBlock(cpu, node, order, first, out uint head))
        {
            order = Geometry.FallbackOrder;
            if (!TryAllocateBlock(cpu, node, order, flags, out head))
            {
                slab = default;
                return false;
            }
        }

        int objects = (int)(order.LengthBytes / (ulong)Geometry.SizeBytes);
        NodeGate home = homes[arena.NodeOf(head)];
        arena.SetTags(head, order.Value, SlabTag.OfSlab(number, home.Number, order.Value), SlabPage.SlabFlag);
        slab = new SlabPage(arena.FirstFrame + (head - arena.FirstPfn), head);
        slab.Next = Pfn.None.Value;
        slab.Previous = Pfn.None.Value;
        PrepareObjects(slab, home, objects);
        using (home.Enter())
        {
            Count(home.Node, 1, objects, (int)order.PageCount);
        }

        return true;
    }

    // Address 0 is the end of a freelist, so the frame there (on a machine whose memory starts at 0) is not used for slabs.
    private bool TryAllocateBlock(CpuId cpu, int node, Order order, GfpFlags gfp, out uint head)
    {
        GfpFlags flags = order > Order.Zero ? gfp | GfpFlags.Comp : gfp;
        bool isFound = system.TryAllocatePages(cpu, node, order, flags, out Pfn pfn);
        if (isFound && pfn.Value == 0)
        {
            isFound = system.TryAllocatePages(cpu, node, order, flags, out Pfn other);
            system.Pages.Free(cpu, pfn, order);
            pfn = other;
        }

        head = pfn.Value;
        return isFound;
    }

    private GfpFlags ZoneFlags() =>
        ((Flags & SlabFlags.CacheDma) != 0 ? GfpFlags.Dma : 0) | ((Flags & SlabFlags.CacheDma32) != 0 ? GfpFlags.Dma32 : 0)
        | ((Flags & SlabFlags.ReclaimAccount) != 0 ? GfpFlags.Reclaimable : 0);

    // Threads the freelist through the objects, ascending or shuffled, and runs the constructor.
    private void PrepareObjects(SlabPage slab, NodeGate home, int objects)
    {
        PrepareChecked(slab);
        bool isShuffled = shuffle is not null && objects >= 2;
        int start = isShuffled ? (int)(Draw(home) % (ulong)objects) : 0;
        int first = isShuffled ? ShuffledIndex(objects, ref start) : 0;
        int current = first;
        for (int i = 1; i <= objects; i++)
        {
            int next = i == objects ? -1 : isShuffled ? ShuffledIndex(objects, ref start) : i;
            ulong address = AddressOfIndex(slab, current);
            PrepareCheckedObject(address);
            constructor?.Invoke(arena.Memory.GetSpan(new PhysAddr(address), ObjectBytes));
            SetFreePointer(address, next < 0 ? 0 : AddressOfIndex(slab, next));
            current = next;
        }

        slab.Counters = new SlabCounters(first, 0, objects, false);
    }

    // next_freelist_entry(): the permutation is for the preferred order; a smaller slab skips what it does not have.
    private int ShuffledIndex(int objects, ref int position)
    {
        int index;
        do
        {
            index = shuffle![position];
            position = position + 1 == shuffle.Length ? 0 : position + 1;
        }
        while (index >= objects);
        return index;
    }

    private void SetFreePointer(ulong free, ulong next)
    {
        ulong place = free + (ulong)Geometry.FreePointerOffset;
        arena.WordAt(place) = Decode(next, place);
    }

    // free_slab(): the slab is empty and on no list.
    private void DiscardSlab(CpuId cpu, SlabPage slab)
    {
        int order = slab.Tag.Order;
        NodeGate home = HomeOf(slab);
        CheckDiscarded(slab);
        using (home.Enter())
        {
            Count(home.Node, -1, -slab.Counters.Objects, -(1 << order));
        }

        arena.ClearTags(slab.Number, order, SlabPage.SlabFlag | SlabPage.NodePartialFlag);
        system.Pages.Free(cpu, new Pfn(slab.Number), new Order(order));
    }

    // inc_slabs_node() and dec_slabs_node(); a counter that was damaged wraps and is found by Verify.
    private static void Count(SlabNode* node, int slabs, int objects, int pages)
    {
        unchecked
        {
            node->Slabs += (ulong)slabs;
            node->Objects += (ulong)objects;
            node->Pages += (ulong)pages;
        }
    }

    // add_partial() under the node lock.
    private void AddPartial(SlabNode* node, SlabPage slab, ListEnd end)
    {
        AddToList(slab, end, ref node->PartialFirst, ref node->PartialLast);
        node->PartialSlabs = unchecked(node->PartialSlabs + 1);
        slab.IsOnNodePartial = true;
    }

    // remove_partial() under the node lock.
    private void RemovePartial(SlabNode* node, SlabPage slab)
    {
        RemoveFromList(slab, ref node->PartialFirst, ref node->PartialLast);
        node->PartialSlabs -= node->PartialSlabs > 0 ? 1u : 0;
        slab.IsOnNodePartial = false;
    }

    private void AddToList(SlabPage slab, ListEnd end, ref uint first, ref uint last)
    {
        uint none = Pfn.None.Value;
        slab.Next = end == ListEnd.Head ? first : none;
        slab.Previous = end == ListEnd.Head ? none : last;
        uint neighbour = end == ListEnd.Head ? first : last;
        if (neighbour == none)
        {
            first = last = slab.Number;
            return;
        }

        if (!arena.TryGetSlab(neighbour, number, out SlabPage other))
        {
            Report("node partial list", new PhysAddr(slab.Start), 0, neighbour);
            first = last = slab.Number;
            slab.Next = slab.Previous = none;
        }
        else if (end == ListEnd.Head)
        {
            other.Previous = slab.Number;
            first = slab.Number;
        }
        else
        {
            other.Next = slab.Number;
            last = slab.Number;
        }
    }

    private void RemoveFromList(SlabPage slab, ref uint first, ref uint last)
    {
        Link(slab.Previous, slab, slab.Next, isForward: true, ref first);
        Link(slab.Next, slab, slab.Previous, isForward: false, ref last);
        slab.Next = Pfn.None.Value;
        slab.Previous = Pfn.None.Value;
    }

    // One side of a removal, with the check of list_del(): the neighbour must point back.
    private void Link(uint neighbour, SlabPage slab, uint target, bool isForward, ref uint end)
    {
        if (neighbour == Pfn.None.Value)
        {
            end = end == slab.Number ? target : end;
        }
        else if (arena.TryGetSlab(neighbour, number, out SlabPage other) && (isForward ? other.Next : other.Previous) == slab.Number)
        {
            if (isForward)
            {
                other.Next = target;
            }
            else
            {
                other.Previous = target;
            }
        }
        else
        {
            Report("list_del corruption", new PhysAddr(slab.Start), slab.Number, neighbour);
        }
    }

    // get_partial_node(): the first slab for the CPU slab, some more for the CPU's partial list.
    private bool TryTakeNodePartial(SlabCpu* area, NodeGate home, out SlabPage taken)
    {
        SlabNode* node = home.Node;
        taken = default;
        bool isTaken = false;
        int more = 0;
        using (home.Enter())
        {
            while (node->PartialFirst != Pfn.None.Value)
            {
                if (!arena.TryGetSlab(node->PartialFirst, number, out SlabPage slab))
                {
                    Report("node partial list", AddressOf(node), 0, node->PartialFirst);
                    node->PartialFirst = node->PartialLast = Pfn.None.Value;
                    node->PartialSlabs = 0;
                    break;
                }

                RemovePartial(node, slab);
                if (!isTaken)
                {
                    taken = slab;
                    isTaken = true;
                }
                else
                {
                    PushCpuPartial(area, slab);
                    more++;
                }

                if (Geometry.CpuPartialSlabs == 0 || more > Geometry.CpuPartialSlabs / 2)
                {
                    break;
                }
            }
        }

        return isTaken;
    }

    private static void PushCpuPartial(SlabCpu* area, SlabPage slab)
    {
        slab.Next = area->Partial;
        area->PartialSlabs = unchecked(area->PartialSlabs + 1);
        slab.Previous = area->PartialSlabs;
        area->Partial = slab.Number;
    }
}
