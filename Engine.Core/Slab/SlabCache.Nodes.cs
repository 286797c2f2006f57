// NUMA. Each node has its own partial list, and a slab is always on the list of the node that its frames belong to, which its tag
// says. Who names no node gets the CPU slab, wherever it lies, then slabs of the CPU's own node, then, where other nodes have more
// than they would keep, one of theirs, and only then a new slab. Who names a node gets an object of that node: a CPU slab of
// another one is given up, partial slabs of others are not asked, and a new slab comes from the named node while it has memory.
// Object stacks hold the CPU's own node's objects: a free of another node's object goes to its slab.

using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Slab;

/// <content>NUMA nodes: <c>node_match</c>, <c>get_partial</c>, <c>get_any_partial</c>.</content>
public sealed unsafe partial class SlabCache
{
    /// <summary>The node of a caller that does not care (<c>NUMA_NO_NODE</c>).</summary>
    public const int AnyNode = -1;

    // Of 1,024 draws, those above 1,000 do not ask other nodes (remote_node_defrag_ratio).
    private const ulong RemoteNodeDefragRatio = 1000;
    private const ulong RemoteDrawMax = 1024;

    /// <summary>Takes an object of a NUMA node (<c>kmem_cache_alloc_node</c>). Where the node has no memory left it comes from another one, unless <see cref="GfpFlags.ThisNode"/> is given.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="node">The node, or <see cref="AnyNode"/>. A node that never had memory is as good as none named.</param>
    /// <param name="gfp">Where from, and what may be done to get it.</param>
    /// <param name="address">The object's first byte.</param>
    /// <returns>False where no memory could be had.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The machine has no such node.</exception>
    public bool TryAllocateOnNode(CpuId cpu, int node, GfpFlags gfp, out PhysAddr address) =>
        TryAllocateOnNode(cpu, node, gfp, ObjectBytes, out address);

    /// <summary>The same for <c>kmalloc_node</c>, whose caller will use only the first bytes.</summary>
    internal bool TryAllocateOnNode(CpuId cpu, int node, GfpFlags gfp, int originalBytes, out PhysAddr address)
    {
        int wanted = system.FindMemoryNode(node);
        if (wanted == AnyNode && !IsDebug)
        {
            return TryAllocate(cpu, gfp, out address);
        }

        SlabCpu* area = GetArea(cpu);
        ulong found = IsDebug ? AllocateSized(cpu, gfp, wanted, originalBytes) : Finish(area, TakeOfNode(area, cpu, gfp, wanted), gfp);
        address = new PhysAddr(found);
        return found != 0;
    }

    /// <summary>Slabs of one NUMA node that exist, and how many of them are on its partial list.</summary>
    public (ulong Slabs, uint PartialSlabs) GetNodeCounts(int node) => (homes[node].Node->Slabs, homes[node].Node->PartialSlabs);

    // An object of the node from the stack's top if it is one, else from a CPU slab of the node.
    private ulong TakeOfNode(SlabCpu* area, CpuId cpu, GfpFlags gfp, int node)
    {
        if (unchecked((ulong)area->Count - 1) < capacity)
        {
            ulong candidate = ((ulong*)(area + 1))[area->Count - 1];
            if (arena.TryGetSlabOf(candidate, out SlabPage slab) && slab.Tag.Node == node && IsObjectOf(slab, candidate))
            {
                area->Count--;
                return candidate;
            }
        }

        return TakeFromCpuSlab(area, cpu, gfp, node);
    }

    private ulong LocalTagOf(CpuId cpu) => capacity == 0 ? 0 : SlabTag.OfSlab(number, system.LocalNodeOf(cpu), Geometry.SlabOrder.Value).Word;

    // get_node(s, slab_nid(slab)). The tag was read from the arena; a node that the machine has not is taken for the first.
    private NodeGate HomeOf(SlabPage slab)
    {
        int node = slab.Tag.Node;
        return homes[node < homes.Length ? node : 0];
    }

    private NodeGate LocalHome(CpuId cpu) => homes[system.LocalNodeOf(cpu)];

    // node_match()
    private bool IsOnNode(uint head, int node) => arena.TryGetSlab(head, number, out SlabPage slab) && slab.Tag.Node == node;

    // get_partial()
    private bool TryTakePartial(SlabCpu* area, CpuId cpu, int node, out SlabPage taken)
    {
        NodeGate home = node == AnyNode ? LocalHome(cpu) : homes[node];
        if (home.Node->PartialSlabs != 0 && TryTakeNodePartial(area, home, out taken))
        {
            return true;
        }

        foreach (NodeGate other in node == AnyNode ? ListRemote(home) : [])
        {
            if (TryTakeNodePartial(area, other, out taken))
            {
                return true;
            }
        }

        taken = default;
        return false;
    }

    private ulong TakeCheckedPartial(CpuId cpu, int node, int originalBytes)
    {
        NodeGate home = node == AnyNode ? LocalHome(cpu) : homes[node];
        ulong taken = TakeCheckedPartial(home, originalBytes);
        NodeGate[] others = taken == 0 && node == AnyNode ? ListRemote(home) : [];
        for (int i = 0; i < others.Length && taken == 0; i++)
        {
            taken = TakeCheckedPartial(others[i], originalBytes);
        }

        return taken;
    }

    // get_any_partial(): the other nodes that have more partial slabs than they would keep, the nearest first. Now and then none is
    // asked, so that the own node gets slabs too.
    private NodeGate[] ListRemote(NodeGate local)
    {
        if (homes.Length == 1 || Draw(local) % RemoteDrawMax > RemoteNodeDefragRatio)
        {
            return [];
        }

        List<NodeGate> found = [];
        foreach (Zone zone in system.Pages.GetZoneList(local.Number))
        {
            NodeGate home = homes[zone.Node];
            if (home.Node->PartialSlabs > (uint)Geometry.MinPartial && !found.Contains(home))
            {
                found.Add(home);
            }
        }

        return [.. found];
    }

    // The next number of a node's generator.
    private static ulong Draw(NodeGate home)
    {
        using (home.Enter())
        {
            return home.Node->ShuffleState = Mix(home.Node->ShuffleState);
        }
    }

    private ulong Sum(Func<NodeGate, ulong> count) => homes.Aggregate(0UL, (sum, home) => unchecked(sum + count(home)));
}
