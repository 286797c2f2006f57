using System.Runtime.CompilerServices;
using Engine.Core.Units;

namespace Engine.Core.Slab;

/// <content>Frees beyond the object stack's top: <c>__slab_free</c> and <c>put_cpu_partial</c>.</content>
public sealed unsafe partial class SlabCache
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void FreeSlow(CpuId cpu, PhysAddr address)
    {
        SlabCpu* area = GetArea(cpu);
        unchecked
        {
            area->SlowFrees++;
        }

        if (area->LocalTag != LocalTagOf(cpu))
        {
            Report("cpu's local tag", AddressOf(area), LocalTagOf(cpu), area->LocalTag);
            area->LocalTag = LocalTagOf(cpu);
        }

        if (!TryGetSlabForFree(cpu, address.Value, out SlabPage slab))
        {
            return;
        }

        if (IsDebug)
        {
            FreeChecked(cpu, slab, address.Value);
        }
        else if (capacity == 0 || slab.Tag.Node != system.LocalNodeOf(cpu))
        {
            FreeToSlab(area, cpu, slab, address.Value, address.Value, 1);
        }
        else
        {
            FreeToStack(area, cpu, address.Value);
        }
    }

    // cache_from_obj(): an object of another cache is reported, and freed to its own.
    private bool TryGetSlabForFree(CpuId cpu, ulong address, out SlabPage slab)
    {
        if (!arena.TryGetSlabOf(address, out slab))
        {
            Report("virt_to_cache: Object is not a Slab page!", new PhysAddr(address), 0, address);
            return false;
        }

        if (slab.Tag.Number != number)
        {
            SlabCache? owner = system.FindByNumber(slab.Tag.Number);
            string reason = $"cache_from_obj: Wrong slab cache. {Name} but object is from {owner?.Name ?? "none"}";
            Report(reason, new PhysAddr(address), (ulong)number, (ulong)slab.Tag.Number);
            owner?.Free(cpu, new PhysAddr(address));
            return false;
        }

        if (!Has(SlabFlags.ConsistencyChecks) && !IsObjectOf(slab, address))
        {
            Report($"Invalid object pointer 0x{address:x16}", new PhysAddr(address), slab.Start, address);
            return false;
        }

        return true;
    }

    private void FreeToStack(SlabCpu* area, CpuId cpu, ulong address)
    {
        ulong* stack = (ulong*)(area + 1);
        if (area->Count > capacity)
        {
            Report("object stack's count", AddressOf(area), capacity, area->Count);
            area->Count = 0;
        }

        if (area->Count > 0 && stack[area->Count - 1] == address)
        {
            Report("Object already free", new PhysAddr(address), 0, address);
            return;
        }

        if (area->Count == capacity)
        {
            Spill(area, cpu);
        }

        stack[area->Count++] = address;
    }

    // Makes room on a full stack: the colder half goes to the barn, or to its slabs where the barn is full.
    private void Spill(SlabCpu* area, CpuId cpu)
    {
        ulong* stack = (ulong*)(area + 1);
        uint half = (uint)capacity / 2;
        if (!TryPutChunk(area, cpu))
        {
            FreeMany(area, cpu, new Span<ulong>(stack, (int)half));
        }

        uint rest = area->Count - half;
        new Span<ulong>(stack + half, (int)rest).CopyTo(new Span<ulong>(stack, (int)rest));
        area->Count = rest;
    }

    // kmem_cache_free_bulk() with build_detached_freelist(): objects of one slab that follow each other go back by one update.
    private void FreeMany(SlabCpu* area, CpuId cpu, ReadOnlySpan<ulong> objects)
    {
        int i = 0;
        while (i < objects.Length)
        {
            ulong tail = objects[i];
            if (!arena.TryGetSlabOf(tail, out SlabPage slab) || !IsObjectOf(slab, tail))
            {
                Report("object stack holds what is no object", AddressOf(area), 0, tail);
                i++;
                continue;
            }

            ulong head = tail;
            int count = 1;
            ulong start = slab.Start;
            ulong length = slab.LengthBytes;
            for (i++; i < objects.Length && objects[i] != head && IsObjectWithin(objects[i], start, length); i++)
            {
                SetFreePointer(objects[i], head);
                head = objects[i];
                count++;
            }

            FreeToSlab(area, cpu, slab, head, tail, count);
        }
    }

    // do_slab_free() and __slab_free(): a chain of one slab's objects goes back to it.
    private void FreeToSlab(SlabCpu* area, CpuId cpu, SlabPage slab, ulong head, ulong tail, int count)
    {
        if (slab.Number == area->Slab)
        {
            if (area->FreeList == head && scramble != 0)
            {
                Report("Object already free", new PhysAddr(head), 0, head);
                return;
            }

            SetFreePointer(tail, area->FreeList);
            area->FreeList = head;
            return;
        }

        bool hasCpuPartial = Geometry.CpuPartialObjects != 0;
        while (true)
        {
            SlabCounters old = slab.Counters;
            if (old.InUse < count)
            {
                Report("Object already free", new PhysAddr(head), (ulong)count, (ulong)old.InUse);
                return;
            }

            ulong prior = old.IsListEmpty ? 0 : AddressOfIndex(slab, old.Head);
            if (prior == head && scramble != 0)
            {
                Report("Object already free", new PhysAddr(head), 0, head);
                return;
            }

            SetFreePointer(tail, prior);
            SlabCounters updated = new(IndexOf(slab, head), old.InUse - count, old.Objects, old.IsFrozen);
            bool mayLeaveList = (updated.InUse == 0 || old.IsListEmpty) && !old.IsFrozen && (!hasCpuPartial || !old.IsListEmpty);
            if (mayLeaveList)
            {
                if (TryFreeUnderLock(cpu, slab, old, updated))
                {
                    return;
                }
            }
            else if (slab.TryUpdate(old, updated))
            {
                if (!old.IsFrozen && old.IsListEmpty)
                {
                    PutCpuPartial(area, cpu, slab);
                }

                return;
            }
        }
    }

    // The part of __slab_free() that may take the slab off its list; false where another CPU changed the slab meanwhile.
    private bool TryFreeUnderLock(CpuId cpu, SlabPage slab, SlabCounters old, SlabCounters updated)
    {
        bool isDiscarded = false;
        NodeGate home = HomeOf(slab);
        SlabNode* node = home.Node;
        using (home.Enter())
        {
            bool wasOnPartial = slab.IsOnNodePartial;
            if (!slab.TryUpdate(old, updated))
            {
                return false;
            }

            if (!old.IsListEmpty && !wasOnPartial)
            {
                return true;
            }

            if (updated.InUse == 0 && node->PartialSlabs >= (uint)Geometry.MinPartial)
            {
                if (wasOnPartial)
                {
                    RemovePartial(node, slab);
                }

                isDiscarded = true;
            }
            else if (old.IsListEmpty)
            {
                AddPartial(node, slab, ListEnd.Tail);
            }
        }

        if (isDiscarded)
        {
            DiscardSlab(cpu, slab);
        }

        return true;
    }

    private void PutCpuPartial(SlabCpu* area, CpuId cpu, SlabPage slab)
    {
        if (area->Partial != Pfn.None.Value && area->PartialSlabs >= (uint)Geometry.CpuPartialSlabs)
        {
            DrainCpuPartial(area, cpu);
        }

        PushCpuPartial(area, slab);
    }

    // __put_partials(): the CPU's partial slabs go to the node, empty ones beyond min_partial to the page allocator.
    private void DrainCpuPartial(SlabCpu* area, CpuId cpu)
    {
        uint next = area->Partial;
        uint bound = area->PartialSlabs;
        area->Partial = Pfn.None.Value;
        area->PartialSlabs = 0;
        for (uint i = 0; i < bound && next != Pfn.None.Value; i++)
        {
            if (!arena.TryGetSlab(next, number, out SlabPage slab))
            {
                Report("cpu partial list", AddressOf(area), 0, next);
                return;
            }

            next = slab.Next;
            PutNodePartial(cpu, slab, ListEnd.Tail);
        }
    }

    private void PutNodePartial(CpuId cpu, SlabPage slab, ListEnd end)
    {
        NodeGate home = HomeOf(slab);
        using (home.Enter())
        {
            if (slab.Counters.InUse != 0 || home.Node->PartialSlabs < (uint)Geometry.MinPartial)
            {
                AddPartial(home.Node, slab, end);
                return;
            }
        }

        DiscardSlab(cpu, slab);
    }
}
