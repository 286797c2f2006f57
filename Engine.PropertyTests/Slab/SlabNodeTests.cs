using Engine.Core.Diagnostics;
using Engine.Core.Slab;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.Slab;

/// <summary>Caches on machines with several NUMA nodes. CPU c is on node c modulo the number of nodes.</summary>
public sealed class SlabNodeTests
{
    private static readonly SlabOptions NoStacks = new() { UseObjectStacks = false };
    private static readonly SlabOptions AllChecks = new() { Debug = SlabFlags.ConsistencyChecks | SlabFlags.RedZone | SlabFlags.Poison | SlabFlags.StoreUser };

    [Theory]
    [InlineData("stacks")]
    [InlineData("v6.9")]
    [InlineData("debug")]
    public void Who_names_a_node_gets_its_memory(string kind) =>
        ModelProperty.Check(
            from cpu in Gen.Choose(0, 2)
            from node in Gen.Choose(SlabCache.AnyNode, 2)
            from count in Gen.Choose(1, 60)
            from isFree in Gen.Elements(true, false, false)
            select (cpu, node, count, isFree),
            steps => RunNamed(steps, OptionsOf(kind)),
            tests: 40,
            length: 40);

    [Theory]
    [InlineData("stacks")]
    [InlineData("v6.9")]
    [InlineData("debug")]
    public void Who_names_none_gets_memory_of_the_own_node(string kind)
    {
        using SlabMachine machine = new(2, OptionsOf(kind), nodeCount: 2);
        SlabCache cache = machine.System.Create("near", 256);
        for (int i = 0; i < 200; i++)
        {
            CpuId cpu = new(i % 2);
            Assert.True(cache.TryAllocate(cpu, GfpFlags.Kernel, out PhysAddr address));
            Assert.Equal(i % 2, SlabMachine.NodeOf(address));
        }

        Assert.Equal(cache.SlabCount, cache.GetNodeCounts(0).Slabs + cache.GetNodeCounts(1).Slabs);
        Assert.Equal(cache.GetNodeCounts(0).Slabs, cache.GetNodeCounts(1).Slabs);
    }

    // deactivate_slab() at a node mismatch, and no such thing where no node is named.
    [Fact]
    public void The_cpu_slab_of_another_node_serves_until_a_node_is_named()
    {
        using SlabMachine machine = new(2, NoStacks, nodeCount: 2);
        SlabCache cache = machine.System.Create("far", 256);
        CpuId cpu = new(0);
        Assert.True(cache.TryAllocateOnNode(cpu, 1, GfpFlags.Kernel, out PhysAddr far));
        Assert.True(cache.TryAllocate(cpu, GfpFlags.Kernel, out PhysAddr same));
        Assert.Equal(far.ToUInt64() + 256, same.ToUInt64());
        Assert.Equal(0u, cache.GetNodeCounts(1).PartialSlabs);
        Assert.True(cache.TryAllocateOnNode(cpu, 0, GfpFlags.Kernel, out PhysAddr near));
        Assert.Equal((1, 0), (SlabMachine.NodeOf(far), SlabMachine.NodeOf(near)));
        Assert.Equal(1u, cache.GetNodeCounts(1).PartialSlabs);
        Assert.Equal(0, cache.Verify(out ulong live));
        Assert.Equal(3UL, live);
    }

    [Fact]
    public void A_full_node_falls_back_unless_only_it_will_do()
    {
        using SlabMachine machine = new(1, NoStacks, lengthBytes: 8UL << 20, nodeCount: 2);
        SlabCache cache = machine.System.Create("full", 4096);
        CpuId cpu = new(0);
        int count = 0;
        while (cache.TryAllocateOnNode(cpu, 1, GfpFlags.NoWait | GfpFlags.NoWarn | GfpFlags.ThisNode, out PhysAddr address))
        {
            Assert.Equal(1, SlabMachine.NodeOf(address));
            count++;
        }

        Assert.InRange(count, 1000, 2048);
        Assert.True(cache.TryAllocateOnNode(cpu, 1, GfpFlags.NoWait, out PhysAddr other));
        Assert.Equal(0, SlabMachine.NodeOf(other));
        Assert.Equal(0, cache.Verify(out _));
    }

    // get_any_partial(): more than min_partial, and not for who names a node.
    [Theory]
    [InlineData("v6.9")]
    [InlineData("debug")]
    public void Partial_slabs_that_another_node_can_spare_are_used_before_a_new_one(string kind)
    {
        using SlabMachine machine = new(2, OptionsOf(kind), nodeCount: 2);
        SlabCache cache = machine.System.Create("spare", 1024);
        int spare = cache.Geometry.MinPartial + 3;
        MakePartial(cache, new CpuId(1), spare);
        Assert.Equal((uint)spare, cache.GetNodeCounts(1).PartialSlabs);
        ulong slabs = cache.SlabCount;
        Assert.True(cache.TryAllocate(new CpuId(0), GfpFlags.Kernel, out PhysAddr address));
        Assert.Equal(1, SlabMachine.NodeOf(address));
        Assert.Equal(slabs, cache.SlabCount);
        Assert.True(cache.TryAllocateOnNode(new CpuId(0), 0, GfpFlags.Kernel, out address));
        Assert.Equal(0, SlabMachine.NodeOf(address));
        Assert.Equal(slabs + 1, cache.SlabCount);
        Assert.Equal(0, cache.Verify(out _));
    }

    [Fact]
    public void Partial_slabs_that_a_node_would_keep_stay_there()
    {
        using SlabMachine machine = new(2, NoStacks, nodeCount: 2);
        SlabCache cache = machine.System.Create("kept", 1024);
        MakePartial(cache, new CpuId(1), cache.Geometry.MinPartial);
        Assert.True(cache.TryAllocate(new CpuId(0), GfpFlags.Kernel, out PhysAddr address));
        Assert.Equal(0, SlabMachine.NodeOf(address));
    }

    // On the own node the next allocation gets what was freed last; another node's objects are not the CPU's to keep.
    [Fact]
    public void A_free_of_another_nodes_object_goes_to_its_slab()
    {
        using SlabMachine machine = new(2, nodeCount: 2);
        SlabCache cache = machine.System.Create("home", 64);
        List<PhysAddr> live = [];
        for (int i = 0; i < 500; i++)
        {
            Assert.True(cache.TryAllocate(new CpuId(1), GfpFlags.Kernel, out PhysAddr address));
            live.Add(address);
        }

        cache.Free(new CpuId(1), live[250]);
        Assert.True(cache.TryAllocate(new CpuId(1), GfpFlags.Kernel, out PhysAddr next));
        Assert.Equal(live[250], next);
        live.ForEach(address => cache.Free(new CpuId(0), address));
        Assert.True(cache.TryAllocate(new CpuId(0), GfpFlags.Kernel, out next));
        Assert.NotEqual(live[^1], next);
        Assert.Equal(0, cache.Verify(out ulong left));
        Assert.Equal(1UL, left);
    }

    [Fact]
    public void Kmalloc_of_a_node_takes_slabs_and_blocks_there()
    {
        using SlabMachine machine = new(2, nodeCount: 2);
        KmallocCaches kmalloc = machine.System.Kmalloc;
        foreach (ulong size in new ulong[] { 1, 64, 300, 8192, 8193, 100_000 })
        {
            foreach (int node in new[] { 1, 0 })
            {
                Assert.True(kmalloc.TryAllocateOnNode(new CpuId(0), node, size, GfpFlags.Kernel, out PhysAddr address));
                Assert.Equal(node, SlabMachine.NodeOf(address));
                kmalloc.Free(new CpuId(1), address);
            }
        }

        Assert.True(kmalloc.TryAllocateOnNode(new CpuId(0), 1, 0, GfpFlags.Kernel, out PhysAddr zero));
        Assert.Equal(KmallocCaches.ZeroSize, zero);
        Assert.Equal(0UL, kmalloc.LargePages);
        Assert.Throws<ArgumentOutOfRangeException>(() => kmalloc.TryAllocateOnNode(new CpuId(0), 2, 64, GfpFlags.Kernel, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => kmalloc.TryAllocateOnNode(new CpuId(0), 2, 100_000, GfpFlags.Kernel, out _));
    }

    // The node in the tag of a slab's frames, changed behind the cache's back.
    [Fact]
    public void A_slab_that_says_another_node_is_found()
    {
        using SlabMachine machine = new(2, NoStacks, nodeCount: 2);
        SlabCache cache = machine.System.Create("moved", 1024);
        Assert.True(cache.TryAllocate(new CpuId(0), GfpFlags.Kernel, out PhysAddr address));
        Assert.Equal(0, cache.Verify(out _));
        uint pages = (uint)cache.Geometry.PagesPerSlab;
        Pfn head = new(address.Pfn.ToUInt32() & ~(pages - 1));
        for (uint i = 0; i < pages; i++)
        {
            machine.Pages.Frames[head + i].Next ^= 1 << 4;
        }

        Assert.NotEqual(0, cache.Verify(out _));
        Assert.Contains(machine.Log.Items, entry => entry.Category == CorruptionCategory.Slab && entry.Reason == "node of a slab");
    }

    private static SlabOptions OptionsOf(string kind) => kind switch { "stacks" => new SlabOptions(), "debug" => AllChecks, _ => NoStacks };

    // Slabs of one object each, on the partial list of the CPU's node.
    private static void MakePartial(SlabCache cache, CpuId cpu, int slabs)
    {
        int count = slabs * cache.Geometry.ObjectsPerSlab;
        List<PhysAddr> all = [];
        for (int i = 0; i < count; i++)
        {
            Assert.True(cache.TryAllocate(cpu, GfpFlags.Kernel, out PhysAddr address));
            all.Add(address);
        }

        for (int i = 0; i < count; i++)
        {
            if (i % cache.Geometry.ObjectsPerSlab != 0)
            {
                cache.Free(cpu, all[i]);
            }
        }

        _ = cache.Shrink(cpu);
    }

    private static void RunNamed(IReadOnlyList<(int Cpu, int Node, int Count, bool IsFree)> steps, SlabOptions options)
    {
        using SlabMachine machine = new(3, options, nodeCount: 3);
        SlabCache cache = machine.System.Create("named", 104);
        List<PhysAddr> live = [];
        HashSet<ulong> distinct = [];
        foreach ((int cpu, int node, int count, bool isFree) in steps)
        {
            for (int i = 0; i < count; i++)
            {
                if (isFree && live.Count > 0)
                {
                    int index = (i * 7919) % live.Count;
                    Assert.True(distinct.Remove(live[index].ToUInt64()));
                    cache.Free(new CpuId(cpu), live[index]);
                    (live[index], live[^1]) = (live[^1], live[index]);
                    live.RemoveAt(live.Count - 1);
                }
                else if (!isFree)
                {
                    Assert.True(cache.TryAllocateOnNode(new CpuId(cpu), node, GfpFlags.Kernel, out PhysAddr address));
                    Assert.True(node == SlabCache.AnyNode || SlabMachine.NodeOf(address) == node, $"{address} is not on node {node}");
                    Assert.True(distinct.Add(address.ToUInt64()));
                    live.Add(address);
                }
            }
        }

        Assert.Equal(0, cache.Verify(out ulong found));
        Assert.Equal((ulong)live.Count, found);
        live.ForEach(address => cache.Free(new CpuId(0), address));
        Assert.Equal(0UL, cache.Shrink(new CpuId(2)));
        Assert.Equal(0, machine.Log.Count);
    }
}
