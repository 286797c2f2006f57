// Caches with debug options keep nothing per CPU: each allocation takes one object from the node's partial list, each
// free puts one back, both under the node lock, so that every check sees the slab at rest (alloc_single_from_partial(),
// free_to_partial_list()). Full slabs are on a list too.

using Engine.Core.Units;

namespace Engine.Core.Slab;

/// <content>Allocation and free of caches with the debug options F, Z, P and U.</content>
public sealed unsafe partial class SlabCache
{
    private const byte RedInactive = 0xbb;
    private const byte RedActive = 0xcc;
    private const byte PoisonInUse = 0x5a;
    private const byte PoisonFree = 0x6b;
    private const byte PoisonEnd = 0xa5;

    /// <summary>Whether the size that a <c>kmalloc</c> caller asked for is kept (<c>slub_debug_orig_size</c>).</summary>
    private bool KeepsOriginalSize => (Flags & (SlabFlags.Kmalloc | SlabFlags.StoreUser)) == (SlabFlags.Kmalloc | SlabFlags.StoreUser);

    private bool Has(SlabFlags flag) => (Flags & flag) != 0;

    /// <summary>Takes an object of which the caller will use only the first bytes; for <c>kmalloc</c>.</summary>
    internal ulong AllocateSized(CpuId cpu, GfpFlags gfp, int node, int originalBytes)
    {
        SlabCpu* area = GetArea(cpu);
        ulong found = AllocateChecked(cpu, gfp, node, originalBytes);
        unchecked
        {
            area->SlowAllocations++;
        }

        if (found != 0 && (gfp & GfpFlags.Zero) != 0)
        {
            bool isSized = Has(SlabFlags.Kmalloc) && Has(SlabFlags.StoreUser | SlabFlags.RedZone);
            arena.Memory.GetSpan(new PhysAddr(found), isSized ? originalBytes : ObjectBytes).Clear();
        }

        return found;
    }

    /// <summary>Bytes that may be used of an object (<c>__ksize</c>). Who asks may use them all, so the size first asked for no longer counts.</summary>
    internal int GetUsableBytes(ulong address)
    {
        if (KeepsOriginalSize && arena.TryGetSlabOf(address, out SlabPage slab) && IsObjectOf(slab, address))
        {
            SetOriginalSize(address, Geometry.ObjectBytes);
        }

        return UsableBytes;
    }

    /// <summary>Whether allocations must name their size.</summary>
    internal bool IsChecked => IsDebug;

    private ulong AllocateChecked(CpuId cpu, GfpFlags gfp, int node, int originalBytes)
    {
        // Each turn uses up a slab that was found bad, so the number of slabs bounds the loop.
        while (true)
        {
            ulong taken = TakeCheckedPartial(cpu, node, originalBytes);
            if (taken == 0)
            {
                if (!TryAllocateSlab(cpu, gfp, node, out SlabPage slab))
                {
                    return 0;
                }

                taken = TakeCheckedNew(slab, originalBytes);
            }

            if (taken != 0)
            {
                if (Has(SlabFlags.StoreUser))
                {
                    WriteTrack(taken, TrackAllocated, cpu);
                }

                return taken;
            }
        }
    }

    private ulong TakeCheckedPartial(NodeGate home, int originalBytes)
    {
        SlabNode* node = home.Node;
        using (home.Enter())
        {
            while (node->PartialFirst != Pfn.None.Value)
            {
                if (!arena.TryGetSlab(node->PartialFirst, number, out SlabPage slab))
                {
                    Report("node partial list", AddressOf(node), 0, node->PartialFirst);
                    node->PartialFirst = node->PartialLast = Pfn.None.Value;
                    node->PartialSlabs = 0;
                    return 0;
                }

                ulong taken = TakeOne(slab, originalBytes);
                if (taken == 0)
                {
                    RemovePartial(node, slab);
                    continue;
                }

                if (slab.Counters.InUse == slab.Counters.Objects)
                {
                    RemovePartial(node, slab);
                    AddFull(node, slab);
                }

                return taken;
            }

            return 0;
        }
    }

    private ulong TakeCheckedNew(SlabPage slab, int originalBytes)
    {
        NodeGate home = HomeOf(slab);
        using (home.Enter())
        {
            ulong taken = TakeOne(slab, originalBytes);
            if (taken != 0 && slab.Counters.InUse == slab.Counters.Objects)
            {
                AddFull(home.Node, slab);
            }
            else if (taken != 0)
            {
                AddPartial(home.Node, slab, ListEnd.Head);
            }

            return taken;
        }
    }

    // The slab's first free object, after alloc_debug_processing(); 0 where the slab cannot be trusted any more.
    private ulong TakeOne(SlabPage slab, int originalBytes)
    {
        SlabCounters counters = slab.Counters;
        ulong taken = counters.IsListEmpty ? 0 : AddressOfIndex(slab, counters.Head);
        if (taken != 0 && !IsObjectOf(slab, taken))
        {
            ReportListHead(slab, taken);
        }
        else if (taken != 0)
        {
            ulong next = GetFreePointer(taken);
            bool isNextValid = next == 0 || IsObjectOf(slab, next);
            slab.Counters = new SlabCounters(next == 0 || !isNextValid ? -1 : IndexOf(slab, next), counters.InUse + 1, counters.Objects, false);
            if (!Has(SlabFlags.ConsistencyChecks) || (CheckSlab(slab) && CheckObject(slab, taken, RedInactive)))
            {
                SetOriginalSize(taken, originalBytes);
                InitializeObject(taken, RedActive);
                return taken;
            }
        }

        Fix("Marking all objects used");
        slab.Counters = new SlabCounters(-1, counters.Objects, counters.Objects, false);
        return 0;
    }

    // What alloc_consistency_checks() says of a head that is no object. Where it is not even memory, there is nothing to print of it.
    private void ReportListHead(SlabPage slab, ulong head)
    {
        const string Reason = "Freelist Pointer check fails";
        ulong start = head - (ulong)Math.Max(Geometry.RedLeftPadBytes, 16);
        if (!Has(SlabFlags.ConsistencyChecks) || !CheckSlab(slab))
        {
            return;
        }

        if (arena.Memory.Contains(new PhysAddr(start), (ulong)Math.Max(Geometry.SizeBytes, Pfn.PageSizeBytes) + (head - start)))
        {
            ObjectError(slab, head, Reason);
        }
        else
        {
            SlabError(slab, Reason, slab.Start, head);
        }
    }

    // free_to_partial_list() with free_debug_processing().
    private void FreeChecked(CpuId cpu, SlabPage slab, ulong address)
    {
        bool isDiscarded;
        NodeGate home = HomeOf(slab);
        SlabNode* node = home.Node;
        using (home.Enter())
        {
            if (!CheckFree(slab, address))
            {
                Fix($"Object at 0x{address:x16} not freed");
                return;
            }

            if (Has(SlabFlags.StoreUser))
            {
                WriteTrack(address, TrackFreed, cpu);
            }

            InitializeObject(address, RedInactive);
            SlabCounters old = slab.Counters;
            SetFreePointer(address, old.IsListEmpty ? 0 : AddressOfIndex(slab, old.Head));
            slab.Counters = new SlabCounters(IndexOf(slab, address), old.InUse - 1, old.Objects, false);
            isDiscarded = old.InUse == 1 && node->PartialSlabs >= (uint)Geometry.MinPartial;
            if (old.IsListEmpty)
            {
                RemoveFull(node, slab);
                if (!isDiscarded)
                {
                    AddPartial(node, slab, ListEnd.Tail);
                }
            }
            else if (isDiscarded)
            {
                RemovePartial(node, slab);
            }
        }

        if (isDiscarded)
        {
            DiscardSlab(cpu, slab);
        }
    }

    private bool CheckFree(SlabPage slab, ulong address)
    {
        if (Has(SlabFlags.ConsistencyChecks) && !CheckSlab(slab))
        {
            return false;
        }

        if (slab.Counters.InUse < 1)
        {
            SlabError(slab, $"Slab has {slab.Counters.InUse} allocated objects but 1 are to be freed\n", 1, (ulong)slab.Counters.InUse);
            return false;
        }

        if (!Has(SlabFlags.ConsistencyChecks))
        {
            return true;
        }

        if (!IsObjectOf(slab, address))
        {
            SlabError(slab, $"Invalid object pointer 0x{address:x16}", slab.Start, address);
            return false;
        }

        if (IsOnFreeList(slab, address))
        {
            ObjectError(slab, address, "Object already free");
            return false;
        }

        return CheckObject(slab, address, RedActive);
    }

    // setup_slab_debug() and setup_object_debug().
    private void PrepareChecked(SlabPage slab)
    {
        if (Has(SlabFlags.Poison))
        {
            arena.Memory.GetSpan(new PhysAddr(slab.Start), (int)slab.LengthBytes).Fill(PoisonInUse);
        }
    }

    private void PrepareCheckedObject(ulong address)
    {
        if (Has(SlabFlags.DebugMetadataMask))
        {
            InitializeObject(address, RedInactive);
            if (Has(SlabFlags.StoreUser))
            {
                Bytes(address + TrackOffset(TrackAllocated), 2 * SlabGeometry.TrackBytes).Clear();
            }
        }
    }

    // free_slab() of a cache with consistency checks.
    private void CheckDiscarded(SlabPage slab)
    {
        if (Has(SlabFlags.ConsistencyChecks))
        {
            CheckSlabPadding(slab);
            for (int i = 0; i < CapacityOf(slab); i++)
            {
                _ = CheckObject(slab, AddressOfIndex(slab, i), RedInactive);
            }
        }
    }

    // init_object(): what an object's surroundings hold while it is out (active) and while it is free.
    private void InitializeObject(ulong address, byte redZone)
    {
        int poisoned = ObjectBytesOfRoot;
        if (Has(SlabFlags.RedZone))
        {
            Bytes(address - (ulong)Geometry.RedLeftPadBytes, Geometry.RedLeftPadBytes).Fill(redZone);
            poisoned = KeepsOriginalSize && redZone == RedActive ? GetOriginalSize(address) : poisoned;
        }

        if (Geometry.IsObjectPoisoned && poisoned > 0)
        {
            Span<byte> content = Bytes(address, poisoned);
            content[..^1].Fill(PoisonFree);
            content[^1] = PoisonEnd;
        }

        if (Has(SlabFlags.RedZone))
        {
            Bytes(address + (ulong)poisoned, Geometry.InUseBytes - poisoned).Fill(redZone);
        }
    }

    private void AddFull(SlabNode* node, SlabPage slab)
    {
        AddToList(slab, ListEnd.Head, ref node->FullFirst, ref node->FullLast);
        node->FullSlabs = unchecked(node->FullSlabs + 1);
    }

    private void RemoveFull(SlabNode* node, SlabPage slab)
    {
        RemoveFromList(slab, ref node->FullFirst, ref node->FullLast);
        node->FullSlabs -= node->FullSlabs > 0 ? 1u : 0;
    }

    private int ObjectBytesOfRoot => Geometry.ObjectBytes;

    private Span<byte> Bytes(ulong address, int lengthBytes) => arena.Memory.GetSpan(new PhysAddr(address), lengthBytes);

    private ulong GetFreePointer(ulong address)
    {
        ulong place = address + (ulong)Geometry.FreePointerOffset;
        return Decode(arena.WordAt(place), place);
    }
}
