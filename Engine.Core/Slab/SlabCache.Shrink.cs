using System.Text;
using Engine.Core.Units;

namespace Engine.Core.Slab;

/// <content>Giving memory back: <c>flush_slab</c>, <c>__kmem_cache_do_shrink</c>, <c>kmem_cache_destroy</c>. All other CPUs must be at rest.</content>
public sealed unsafe partial class SlabCache
{
    // Slabs with at most this many free objects are sorted, the fullest first (SHRINK_PROMOTE_MAX).
    private const int SortedFreeMax = 32;

    /// <summary>Objects that can be had without a new slab and are on the node's partial list; what <c>/proc/slabinfo</c> takes for free.</summary>
    public ulong PartialFreeObjects
    {
        get
        {
            ulong free = 0;
            foreach (NodeGate home in homes)
            {
                using (home.Enter())
                {
                    foreach (SlabPage slab in ListFrom(home.Node->PartialFirst))
                    {
                        free += (ulong)Math.Max(slab.Counters.Objects - slab.Counters.InUse, 0);
                    }
                }
            }

            return free;
        }
    }

    /// <summary>Takes back what all CPUs hold, and gives every empty slab to the page allocator (<c>kmem_cache_shrink</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <returns>Slabs that remain.</returns>
    public ulong Shrink(CpuId cpu)
    {
        _ = GetArea(cpu);
        for (int i = 0; i < cpus.Length; i++)
        {
            Flush(cpus[i], cpu);
        }

        foreach (NodeGate home in homes)
        {
            FlushBarn(cpu, home);
        }

        foreach (NodeGate home in homes)
        {
            ShrinkNode(cpu, home);
        }

        return SlabCount;
    }

    // One turn of __kmem_cache_do_shrink()
    private void ShrinkNode(CpuId cpu, NodeGate home)
    {
        SlabNode* node = home.Node;
        List<SlabPage> empty = [];
        using (home.Enter())
        {
            List<SlabPage> partial = ListFrom(node->PartialFirst);
            foreach (SlabPage slab in partial.Where(slab => slab.Counters.InUse == 0))
            {
                RemovePartial(node, slab);
                empty.Add(slab);
            }

            // Put at the head one by one, so the fullest, put last, stand first; those with more free objects keep their order behind.
            foreach (SlabPage slab in partial.Where(slab => FreeOf(slab) is > 0 and <= SortedFreeMax && slab.Counters.InUse != 0).OrderByDescending(FreeOf).ToList())
            {
                RemovePartial(node, slab);
                AddPartial(node, slab, ListEnd.Head);
            }
        }

        foreach (SlabPage slab in empty)
        {
            DiscardSlab(cpu, slab);
        }
    }

    /// <summary>Ends the cache (<c>kmem_cache_destroy</c>). A merged cache goes with its last user.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <returns>False where objects are still out: that is reported, and the cache stays as it is.</returns>
    public bool Destroy(CpuId cpu)
    {
        if (--root.users > 0)
        {
            return true;
        }

        if (Shrink(cpu) == 0)
        {
            root.Release();
            return true;
        }

        foreach (SlabPage slab in FindSlabs())
        {
            ListRemaining(slab);
        }

        system.Print($"kmem_cache_destroy {Name}: Slab cache still has objects when called from 0x{system.CallerOf(cpu):x16}\n");
        return false;
    }

    private void Release()
    {
        foreach (NodeGate home in homes)
        {
            system.Recycle((byte*)home.Node, SlabNode.SizeBytes);
        }

        foreach (SlabCpu* area in cpus)
        {
            system.Recycle((byte*)area, SlabCpu.SizeBytes + ((int)capacity * sizeof(ulong)));
        }

        system.Unregister(this, number);
        Array.Clear(cpus);
    }

    // list_slab_objects()
    private void ListRemaining(SlabPage slab)
    {
        System.Collections.BitArray free = ReadFreeList(slab);
        SlabError(slab, $"Objects remaining in {Name} on __kmem_cache_shutdown()", 0, (ulong)slab.Counters.InUse);
        for (int i = 0; i < CapacityOf(slab); i++)
        {
            ulong address = AddressOfIndex(slab, i);
            if (!free[i])
            {
                StringBuilder text = new();
                Line(text, $"Object 0x{address:x16} @offset={address - slab.Start}");
                AppendTracks(text, address);
                system.Print(text.ToString());
            }
        }
    }

    private static int FreeOf(SlabPage slab) => slab.Counters.Objects - slab.Counters.InUse;

    // Under the node lock. A list longer than the slabs that exist is a circle.
    private List<SlabPage> ListFrom(uint next)
    {
        List<SlabPage> found = [];
        while (next != Pfn.None.Value && (uint)found.Count < arena.FrameCount && arena.TryGetSlab(next, number, out SlabPage slab))
        {
            found.Add(slab);
            next = slab.Next;
        }

        return found;
    }

    // flush_cpu_slab() and what stands before it.
    private void Flush(SlabCpu* area, CpuId cpu)
    {
        int count = (int)Math.Min(area->Count, capacity);
        area->Count = 0;
        FreeMany(area, cpu, new ReadOnlySpan<ulong>(area + 1, count));
        if (area->Slab != Pfn.None.Value)
        {
            Deactivate(area, cpu);
        }

        DrainCpuPartial(area, cpu);
    }

    private void FlushBarn(CpuId cpu, NodeGate home)
    {
        SlabNode* node = home.Node;
        SlabCpu* area = cpus[cpu.Value];
        while (node->BarnChunks != 0 && TryTakeChunk(area, home))
        {
            Flush(area, cpu);
        }

        for (int i = 0; i < SlabNode.BarnPagesMax; i++)
        {
            uint page = node->BarnPages[i];
            node->BarnPages[i] = Pfn.None.Value;
            if (page != Pfn.None.Value && arena.TagOf((ulong)page << Pfn.PageShift) == SlabTag.OfBookkeeping(number))
            {
                system.FreeBookkeepingFrame(cpu, page);
            }
        }
    }

    // deactivate_slab(): the CPU's free objects go back to the slab's own list, and the slab to the node.
    private void Deactivate(SlabCpu* area, CpuId cpu)
    {
        bool isKnown = arena.TryGetSlab(area->Slab, number, out SlabPage slab);
        ulong head = area->FreeList;
        ulong tail = 0;
        int count = 0;
        for (ulong next = head; next != 0 && isKnown && count <= SlabGeometry.ObjectsPerSlabMax && IsObjectOf(slab, next); count++)
        {
            tail = next;
            next = NextFree(area, next);
        }

        ForgetCpuSlab(area);
        if (!isKnown)
        {
            Report("cpu slab", AddressOf(area), 0, head);
            return;
        }

        ListEnd end = slab.Counters.IsListEmpty ? ListEnd.Head : ListEnd.Tail;
        SlabCounters old;
        SlabCounters updated;
        do
        {
            old = slab.Counters;
            bool splices = tail != 0 && old.InUse >= count;
            if (splices)
            {
                SetFreePointer(tail, old.IsListEmpty ? 0 : AddressOfIndex(slab, old.Head));
            }

            updated = new SlabCounters(splices ? IndexOf(slab, head) : old.Head, splices ? old.InUse - count : old.InUse, old.Objects, false);
        }
        while (!slab.TryUpdate(old, updated));
        if (!updated.IsListEmpty)
        {
            PutNodePartial(cpu, slab, end);
        }
    }
}
