// The slow truth: every slab of the cache is found by scanning the frame table, every free object by walking every
// place where one can be, and the counters are compared with what was found. Other CPUs must be at rest.

using System.Collections;
using Engine.Core.Units;

namespace Engine.Core.Slab;

/// <content>Invariants.</content>
public sealed unsafe partial class SlabCache
{
    /// <summary>Slabs that exist (<c>num_slabs</c>).</summary>
    public ulong SlabCount => Sum(home => home.Node->Slabs);

    /// <summary>Objects in all slabs, free ones counted (<c>num_objs</c>).</summary>
    public ulong ObjectCount => Sum(home => home.Node->Objects);

    /// <summary>Frames in all slabs.</summary>
    public ulong PageCount => Sum(home => home.Node->Pages);

    /// <summary>Slabs on the nodes' partial lists.</summary>
    public int PartialSlabCount => (int)Sum(home => home.Node->PartialSlabs);

    /// <summary>
    /// Checks every invariant of the cache and reports what does not hold. All CPUs must be at rest.
    /// </summary>
    /// <param name="liveObjects">Objects that are handed out, by recount.</param>
    /// <returns>How many findings were reported.</returns>
    public int Verify(out ulong liveObjects)
    {
        int findings = 0;
        Dictionary<uint, BitArray> free = [];
        ulong objects = 0;
        List<SlabPage> all = FindSlabs();
        foreach (SlabPage slab in all)
        {
            objects += (ulong)slab.Counters.Objects;
            free[slab.Number] = new BitArray(CapacityOf(slab));
            findings += VerifySlab(slab, free) + Check("node of a slab", (ulong)arena.NodeOf(slab.Number), (ulong)slab.Tag.Node);
        }

        foreach (NodeGate home in homes)
        {
            findings += VerifyNode(home.Node, [.. all.Where(slab => HomeOf(slab) == home)], free);
        }

        foreach (SlabCpu* area in cpus)
        {
            findings += VerifyCpu(area, free);
        }

        liveObjects = unchecked(objects - (ulong)free.Values.Sum(bits => bits.Cast<bool>().LongCount(isFree => isFree)));
        return findings;
    }

    /// <summary>Writes a word into the cache's per-CPU or per-node bookkeeping, for whoever injects faults.</summary>
    /// <param name="word">Which word: taken modulo how many there are.</param>
    /// <param name="value">What it will hold.</param>
    internal void Scribble(int word, ulong value)
    {
        int areaWords = (SlabCpu.SizeBytes / sizeof(ulong)) + (int)capacity;
        int index = word % (areaWords + (SlabNode.SizeBytes / sizeof(ulong)));
        if (index < areaWords)
        {
            ((ulong*)cpus[word % cpus.Length])[index] = value;
        }
        else
        {
            ((ulong*)homes[word % homes.Length].Node)[index - areaWords] = value;
        }
    }

    private List<SlabPage> FindSlabs()
    {
        List<SlabPage> found = [];
        for (uint i = 0; i < arena.FrameCount; i++)
        {
            SlabTag frameTag = new(arena.FirstFrame[i].Next);
            uint head = arena.FirstPfn + i;
            if (frameTag.IsSlab && frameTag.Number == number && frameTag.Order <= Order.MaxValue && (head & ((1u << frameTag.Order) - 1)) == 0
                && arena.TryGetSlab(head, number, out SlabPage slab))
            {
                found.Add(slab);
            }
        }

        return found;
    }

    private int VerifyNode(SlabNode* node, List<SlabPage> slabs, Dictionary<uint, BitArray> free)
    {
        ulong objects = 0, pages = 0;
        foreach (SlabPage slab in slabs)
        {
            objects += (ulong)slab.Counters.Objects;
            pages += 1UL << slab.Tag.Order;
        }

        int findings = Check("nr_slabs", node->Slabs, (ulong)slabs.Count) + Check("total_objects", node->Objects, objects)
            + Check("slab pages", node->Pages, pages) + VerifyLists(node, slabs);
        for (uint i = 0; i < Math.Min(node->BarnChunks, chunksMax); i++)
        {
            findings += TryGetChunk(node, i, out ulong* chunk) ? MarkAll(new ReadOnlySpan<ulong>(chunk, (int)capacity / 2), free) : 1;
        }

        return findings;
    }

    private int VerifySlab(SlabPage slab, Dictionary<uint, BitArray> free)
    {
        SlabCounters counters = slab.Counters;
        int listed = 0;
        int findings = Check("objects of a slab", (ulong)CapacityOf(slab), (ulong)counters.Objects);
        ulong next = counters.IsListEmpty ? 0 : AddressOfIndex(slab, counters.Head);
        while (next != 0 && listed <= counters.Objects)
        {
            findings += Mark(next, free);
            listed++;
            next = IsObjectOf(slab, next) ? Decode(arena.WordAt(next + (ulong)Geometry.FreePointerOffset), next + (ulong)Geometry.FreePointerOffset) : 0;
        }

        return findings + Check("inuse", unchecked((ulong)(counters.Objects - listed)), (ulong)counters.InUse);
    }

    private int VerifyCpu(SlabCpu* area, Dictionary<uint, BitArray> free)
    {
        int findings = area->Count > capacity ? Check("object stack's count", capacity, area->Count) : MarkAll(new ReadOnlySpan<ulong>(area + 1, (int)area->Count), free);
        ulong next = area->FreeList;
        for (int i = 0; next != 0; i++)
        {
            findings += i > SlabGeometry.ObjectsPerSlabMax ? Check("cpu freelist's length", 0, (ulong)i) : Mark(next, free);
            next = i > SlabGeometry.ObjectsPerSlabMax || !IsObjectWithin(next, area->SlabStart, area->SlabBytes) ? 0 : NextFree(area, next);
        }

        if (area->Slab != Pfn.None.Value)
        {
            findings += arena.TryGetSlab(area->Slab, number, out SlabPage slab)
                ? Check("frozen", 1, slab.Counters.IsFrozen ? 1UL : 0)
                : Check("cpu slab", 0, area->Slab);
        }

        return findings;
    }

    private int VerifyLists(SlabNode* node, List<SlabPage> slabs)
    {
        int findings = 0;
        int length = 0;
        uint previous = Pfn.None.Value;
        for (uint next = node->PartialFirst; next != Pfn.None.Value && length <= slabs.Count; length++)
        {
            if (!arena.TryGetSlab(next, number, out SlabPage slab) || HomeOf(slab).Node != node)
            {
                return findings + Check("node partial list", 0, next);
            }

            findings += Check("partial list's back link", previous, slab.Previous) + Check("partial list's flag", 1, slab.IsOnNodePartial ? 1UL : 0);
            previous = next;
            next = slab.Next;
        }

        return findings + Check("nr_partial", node->PartialSlabs, (ulong)length);
    }

    private int MarkAll(ReadOnlySpan<ulong> addresses, Dictionary<uint, BitArray> free)
    {
        int findings = 0;
        foreach (ulong address in addresses)
        {
            findings += Mark(address, free);
        }

        return findings;
    }

    private int Mark(ulong address, Dictionary<uint, BitArray> free)
    {
        if (!arena.TryGetSlabOf(address, out SlabPage slab) || !IsObjectOf(slab, address) || !free.TryGetValue(slab.Number, out BitArray? bits))
        {
            return Check("free object's address", 0, address);
        }

        int index = IndexOf(slab, address);
        if (index >= bits.Length || bits[index])
        {
            return Check("object is free twice", 0, address);
        }

        bits[index] = true;
        return 0;
    }

    private int Check(string what, ulong expected, ulong found)
    {
        if (expected == found)
        {
            return 0;
        }

        Report(what, AddressOf(homes[0].Node), expected, found);
        return 1;
    }
}
