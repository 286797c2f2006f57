using Engine.Core.Slab;
using Engine.Core.Units;

namespace Mmsim.Fuzz;

/// <summary>One slab sequence beside a reference that knows only which objects are out and what is written in them.</summary>
public sealed class SlabRun : SequenceRun<SlabOperation>
{
    private const ulong MemoryBytes = 16UL << 20;
    private const int Slots = 16;
    private const int VerifyEvery = 64;

    private readonly SlabSetup setup;
    private readonly SlabSystem slabs;
    private readonly SlabCache cache;
    private readonly List<PhysAddr> live = [];
    private readonly Dictionary<ulong, byte> stamps = [];
    private readonly (PhysAddr Address, int Bytes)[] slots = new (PhysAddr, int)[Slots];
    private PhysAddr lastFreed;
    private byte stamp;

    private SlabRun(SlabSetup setup)
        : base(MemoryBytes, SlabSetup.CpuCount, setup.NodeCount)
    {
        this.setup = setup;
        slabs = SlabSystem.Attach(Pages, new SlabOptions
        {
            Debug = setup.Debug,
            UseObjectStacks = setup.UsesStacks,
            HardenedFreeLists = setup.IsHardened,
            RandomFreeLists = setup.IsHardened,
        });
        cache = slabs.Create("fuzzed", setup.ObjectBytes, setup.AlignmentBytes, SlabFlags.NoMerge);
    }

    private bool IsChecked => (setup.Debug & SlabFlags.ConsistencyChecks) != 0;

    /// <summary>Runs a sequence.</summary>
    /// <exception cref="FuzzMismatchException">The caches and the reference disagree.</exception>
    public static void Replay(SlabSetup setup, IReadOnlyList<SlabOperation> operations)
    {
        using SlabRun run = new(setup);
        run.Play(operations, VerifyEvery);
    }

    /// <inheritdoc/>
    protected override void Apply(SlabOperation operation)
    {
        CpuId cpu = new(operation.Cpu);
        switch (operation.Step)
        {
            case SlabStep.Allocate:
                Allocate(cpu, SlabCache.AnyNode, operation.Count);
                break;
            case SlabStep.AllocateOnNode:
                Allocate(cpu, (int)(operation.Pick % (uint)setup.NodeCount), operation.Count);
                break;
            case SlabStep.Free:
                Free(cpu, operation);
                break;
            case SlabStep.FreeTwice when IsChecked && lastFreed.ToUInt64() != 0 && !stamps.ContainsKey(lastFreed.ToUInt64()) && IsStillOurs(lastFreed):
                FreeWrongly(cpu, lastFreed);
                break;
            case SlabStep.FreeInside when live.Count > 0 && setup.ObjectBytes > 1:
                FreeWrongly(cpu, live[(int)(operation.Pick % (uint)live.Count)] + 1);
                break;
            case SlabStep.FreeForeign:
                // An odd address, anywhere below 4 GiB, is no object; nor is anything in the frame table.
                FreeWrongly(cpu, new PhysAddr(operation.Pick % 2 == 0 ? operation.Pick | 1 : Pages.Frames.Region.Start.ToUInt64() + operation.Pick % 4096));
                break;
            case SlabStep.Shrink:
                _ = cache.Shrink(cpu);
                break;
            case SlabStep.Reallocate:
                Reallocate(cpu, operation);
                break;
        }
    }

    private void Allocate(CpuId cpu, int node, int count)
    {
        for (int i = 0; i < count && cache.TryAllocateOnNode(cpu, node, GfpOf(node), out PhysAddr address); i++)
        {
            Expect(node == SlabCache.AnyNode || NodeOf(address) == node, $"{address} is not on node {node}");
            Expect(stamps.TryAdd(address.ToUInt64(), unchecked(++stamp)), $"{address} was handed out twice");
            Expect(address.ToUInt64() % (ulong)cache.Geometry.AlignmentBytes == 0, $"{address} is not aligned");
            Memory.GetSpan(address, setup.ObjectBytes).Fill(stamp);
            live.Add(address);
        }
    }

    // Who names a node wants that one only.
    private static GfpFlags GfpOf(int node) => node == SlabCache.AnyNode ? GfpFlags.NoWait : GfpFlags.NoWait | GfpFlags.ThisNode;

    private void Free(CpuId cpu, SlabOperation operation)
    {
        for (int i = 0; i < operation.Count && live.Count > 0; i++)
        {
            int index = (int)(unchecked(operation.Pick + ((uint)i * 7919)) % (uint)live.Count);
            PhysAddr address = live[index];
            live[index] = live[^1];
            live.RemoveAt(live.Count - 1);
            _ = stamps.Remove(address.ToUInt64(), out byte written);
            Expect(Memory.GetSpan(address, setup.ObjectBytes).IndexOfAnyExcept(written) < 0, $"the content of {address} changed");
            cache.Free(cpu, address);
            lastFreed = address;
        }
    }

    private void FreeWrongly(CpuId cpu, PhysAddr address)
    {
        cache.Free(cpu, address);
        ExpectedReports++;
    }

    private void Reallocate(CpuId cpu, SlabOperation operation)
    {
        int slot = (int)(operation.Pick % Slots);
        (PhysAddr address, int bytes) = slots[slot];
        int wanted = operation.Count * (int)(operation.Pick % 97);
        if (!slabs.Kmalloc.TryReallocate(cpu, address, (ulong)wanted, GfpFlags.NoWait, out PhysAddr moved))
        {
            return;
        }

        Expect(wanted == 0 || Memory.GetSpan(moved, Math.Min(bytes, wanted)).IndexOfAnyExcept((byte)(slot + 1)) < 0, $"krealloc lost the content of {address}");
        slots[slot] = (moved, wanted);
        if (wanted > 0)
        {
            Memory.GetSpan(moved, wanted).Fill((byte)(slot + 1));
        }
    }

    /// <inheritdoc/>
    protected override void Verify()
    {
        int findings = cache.Verify(out ulong count);
        Expect(findings == 0, $"Verify: {Log.Items.LastOrDefault()}");
        Expect(count == (ulong)live.Count, $"{count} objects are out instead of {live.Count}");
    }

    /// <inheritdoc/>
    protected override void Finish()
    {
        CpuId cpu = new(0);
        live.ForEach(address => cache.Free(cpu, address));
        Array.ForEach(slots, slot => slabs.Kmalloc.Free(cpu, slot.Address));
        Expect(cache.Destroy(cpu), "the cache is not empty at the end");
        Expect(slabs.Caches.All(other => other.Shrink(cpu) == 0), "slabs remain although nothing is out");
    }

    // The slab may be gone meanwhile, and reported as such; where it is another cache's by now, the object may be a live one of that cache.
    private bool IsStillOurs(PhysAddr address) => !slabs.TryFindCache(address, out SlabCache? owner) || ReferenceEquals(owner, cache);
}
