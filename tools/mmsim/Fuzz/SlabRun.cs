using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Slab;
using Engine.Core.Units;

namespace Mmsim.Fuzz;

/// <summary>One slab sequence beside a reference that knows only which objects are out and what is written in them.</summary>
public sealed class SlabRun : IDisposable
{
    private const int Slots = 16;
    private const int VerifyEvery = 64;

    private readonly PhysicalMemory memory = new(new MemoryBank(new PhysAddr(0x4000_0000), 16UL << 20));
    private readonly CorruptionLog log = new();
    private readonly SlabSetup setup;
    private readonly SlabSystem slabs;
    private readonly SlabCache cache;
    private readonly List<PhysAddr> live = [];
    private readonly Dictionary<ulong, byte> stamps = [];
    private readonly (PhysAddr Address, int Bytes)[] slots = new (PhysAddr, int)[Slots];
    private PhysAddr lastFreed;
    private long expectedReports;
    private byte stamp;

    private SlabRun(SlabSetup setup)
    {
        this.setup = setup;
        MemoryLayout layout = new(memory);
        FrameTable frames = new(memory, layout);
        PageAllocator pages = new(memory, layout, frames, log, new PageAllocatorOptions { CpuCount = SlabSetup.CpuCount });
        slabs = SlabSystem.Attach(pages, new SlabOptions
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
        for (int i = 0; i < operations.Count; i++)
        {
            run.Apply(operations[i]);
            if (i % VerifyEvery == VerifyEvery - 1)
            {
                run.Verify();
            }
        }

        run.Verify();
        run.Finish();
    }

    /// <inheritdoc/>
    public void Dispose() => memory.Dispose();

    private void Apply(SlabOperation operation)
    {
        CpuId cpu = new(operation.Cpu);
        switch (operation.Step)
        {
            case SlabStep.Allocate:
                Allocate(cpu, operation.Count);
                break;
            case SlabStep.Free:
                Free(cpu, operation);
                break;
            case SlabStep.FreeTwice when IsChecked && lastFreed.ToUInt64() != 0 && !stamps.ContainsKey(lastFreed.ToUInt64()):
                // The slab may be gone meanwhile; the free is reported in either case.
                FreeWrongly(cpu, lastFreed);
                break;
            case SlabStep.FreeInside when live.Count > 0 && setup.ObjectBytes > 1:
                FreeWrongly(cpu, live[(int)(operation.Pick % (uint)live.Count)] + 1);
                break;
            case SlabStep.FreeForeign:
                FreeWrongly(cpu, new PhysAddr(operation.Pick % 2 == 0 ? operation.Pick : slabs.Pages.Frames.Region.Start.ToUInt64() + operation.Pick % 4096));
                break;
            case SlabStep.Shrink:
                _ = cache.Shrink(cpu);
                break;
            case SlabStep.Reallocate:
                Reallocate(cpu, operation);
                break;
        }

        Expect(log.Count == expectedReports, $"{log.Count} reports instead of {expectedReports}: {log.Items.LastOrDefault()}");
    }

    private void Allocate(CpuId cpu, int count)
    {
        for (int i = 0; i < count && cache.TryAllocate(cpu, GfpFlags.NoWait, out PhysAddr address); i++)
        {
            Expect(stamps.TryAdd(address.ToUInt64(), ++stamp), $"{address} was handed out twice");
            Expect(address.ToUInt64() % (ulong)cache.Geometry.AlignmentBytes == 0, $"{address} is not aligned");
            memory.GetSpan(address, setup.ObjectBytes).Fill(stamp);
            live.Add(address);
        }
    }

    private void Free(CpuId cpu, SlabOperation operation)
    {
        for (int i = 0; i < operation.Count && live.Count > 0; i++)
        {
            int index = (int)((operation.Pick + ((uint)i * 7919)) % (uint)live.Count);
            PhysAddr address = live[index];
            live[index] = live[^1];
            live.RemoveAt(live.Count - 1);
            _ = stamps.Remove(address.ToUInt64(), out byte written);
            Expect(memory.GetSpan(address, setup.ObjectBytes).IndexOfAnyExcept(written) < 0, $"the content of {address} changed");
            cache.Free(cpu, address);
            lastFreed = address;
        }
    }

    private void FreeWrongly(CpuId cpu, PhysAddr address)
    {
        cache.Free(cpu, address);
        expectedReports++;
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

        Expect(wanted == 0 || memory.GetSpan(moved, Math.Min(bytes, wanted)).IndexOfAnyExcept((byte)(slot + 1)) < 0, $"krealloc lost the content of {address}");
        slots[slot] = (moved, wanted);
        if (wanted > 0)
        {
            memory.GetSpan(moved, wanted).Fill((byte)(slot + 1));
        }
    }

    private void Verify()
    {
        int findings = cache.Verify(out ulong count);
        Expect(findings == 0, $"Verify: {log.Items.LastOrDefault()}");
        Expect(count == (ulong)live.Count, $"{count} objects are out instead of {live.Count}");
    }

    private void Finish()
    {
        CpuId cpu = new(0);
        live.ForEach(address => cache.Free(cpu, address));
        Array.ForEach(slots, slot => slabs.Kmalloc.Free(cpu, slot.Address));
        Expect(cache.Destroy(cpu), "the cache is not empty at the end");
        Expect(slabs.Caches.All(other => other.Shrink(cpu) == 0), "slabs remain although nothing is out");
        Expect(log.Count == expectedReports, $"{log.Count} reports instead of {expectedReports}: {log.Items.LastOrDefault()}");
    }

    private static void Expect(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new FuzzMismatchException(otherwise);
        }
    }
}
