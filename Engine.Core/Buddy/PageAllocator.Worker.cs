// The background worker, and what it serves: frees that were put off, and lists that will soon be empty.
//
// A caller that cannot afford to free puts blocks off (FreeDeferred); they are pending in its CPU's ring. They come back in one of
// three ways: the CPU's next refill recycles those that fit its list, the worker returns them to the free area, or memory gets short
// and whoever needs it returns them. The worker also cuts larger blocks into single frames for CPUs whose lists run low, so
// that their next refill takes no lock.
//
// Linux has no such worker; it is how systems like it keep the cost off the freeing and the allocating CPU.

using Engine.Core.Arena;
using Engine.Core.Frames;
using Engine.Core.PerCpu;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>Deferred frees and the background worker.</content>
public sealed unsafe partial class PageAllocator
{
    private readonly DeferredRing[] deferred;

    // By CPU, zone and type.
    private readonly DicedBatch[] diced;

    /// <summary>Pages whose freeing was put off and that no one has returned yet.</summary>
    public ulong DeferredPages => deferred.Aggregate(0UL, (sum, ring) => unchecked(sum + ring.PendingPages));

    /// <summary>Pages that the worker has ready for lists.</summary>
    public ulong DicedPages => diced.Aggregate(0UL, (sum, batch) => sum + (ulong)batch.Count);

    /// <summary>Puts a block's freeing off: the caller pays next to nothing, the worker or the next need does it. A full ring frees at once.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="pfn">The block's first frame.</param>
    /// <param name="order">The block's order.</param>
    public void FreeDeferred(CpuId cpu, Pfn pfn, Order order)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(cpu.Value, cpuCount, nameof(cpu));
        DeferredRing ring = deferred[cpu.Value];
        if (!ring.HasRoom)
        {
            Free(cpu, pfn, order);
            return;
        }

        if (!IsFreeable(pfn, order, out PerCpuPages? pages, cpu)
            || ((states[pfn.Value] & FrameState.Compound) == FrameState.Compound && !TryDissolve(pfn.Value, order.Value)))
        {
            return;
        }

        if (checkPages && !CheckDescriptors(pfn.Value, order.Value))
        {
            Leak(pages.Zone, pfn.Value, order.Value);
            return;
        }

        pages.State->FreedElsewhere[order.Value] = unchecked(pages.State->FreedElsewhere[order.Value] + 1);
        states[pfn.Value] = (byte)(FrameState.Deferred | order.Value);
        FrameTable.ResetFree(descriptors + pfn.Value);
        ring.Push(pfn.Value, order.Value);
    }

    /// <summary>One round of the background worker: returns deferred frees, dices blocks for lists that run low.</summary>
    /// <param name="pageCountMax">About how many pages it may move.</param>
    /// <returns>Pages moved; 0 when there was nothing to do.</returns>
    public int RunWorker(int pageCountMax = int.MaxValue)
    {
        int moved = 0;
        for (int cpu = 0; cpu < cpuCount && moved < pageCountMax; cpu++)
        {
            moved += ReturnDeferred(cpu, pageCountMax - moved);
            for (int zone = 0; zone < zones.Length && moved < pageCountMax; zone++)
            {
                for (int type = 0; type < MigrateTypes.PerCpuCount; type++)
                {
                    moved += Dice(lists[(cpu * zones.Length) + zone], type);
                }
            }
        }

        return moved;
    }

    private static ulong WorkerBytes(int cpus, int zoneCount) =>
        ((ulong)cpus * DeferredRing.SizeBytes) + ((ulong)cpus * (ulong)zoneCount * MigrateTypes.PerCpuCount * DicedBatch.SizeBytes);

    private (DeferredRing[] Rings, DicedBatch[] Batches) MakeWorkerSlots(MemoryLayout layout)
    {
        MemoryRegion region = layout.Reserve("deferred frees", WorkerBytes(cpuCount, zones.Length));
        byte* at = Memory.Bias + region.Start.Value;
        DeferredRing[] rings = new DeferredRing[cpuCount];
        for (int i = 0; i < rings.Length; i++)
        {
            rings[i] = new DeferredRing((ulong*)at, Log);
            at += DeferredRing.SizeBytes;
        }

        DicedBatch[] batches = new DicedBatch[cpuCount * zones.Length * MigrateTypes.PerCpuCount];
        for (int i = 0; i < batches.Length; i++)
        {
            batches[i] = new DicedBatch((int*)at, Log);
            at += DicedBatch.SizeBytes;
        }

        return (rings, batches);
    }

    private DicedBatch BatchOf(PerCpuPages pages, int type) =>
        diced[(((pages.Cpu.Value * zones.Length) + pages.Zone.Index) * MigrateTypes.PerCpuCount) + type];

    // From a ring to the free area. What the ring says came from the arena: the state must agree.
    private int ReturnDeferred(int cpu, int pageCountMax)
    {
        DeferredRing ring = deferred[cpu];
        if (ring.PendingPages == 0 || !ring.TryEnter())
        {
            return 0;
        }

        int moved = 0;
        while (moved < pageCountMax && ring.TryPop(out uint pfn, out int order))
        {
            if (!IsPending(pfn, order, (byte)(FrameState.Deferred | order), out Zone? zone))
            {
                continue;
            }

            ReleaseHeld(zone, new Pfn(pfn), order);
            moved += 1 << order;
        }

        ring.Leave();
        return moved;
    }

    private bool IsPending(uint pfn, int order, byte state, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Zone? zone)
    {
        zone = FindZone(new Pfn(pfn));
        return zone is not null && states[pfn] == state && (pfn & ((1u << order) - 1)) == 0 && zone.Span.Contains(new Pfn(pfn + (1u << order) - 1))
            ? true
            : ReportBadList(pfn, FrameState.PerCpu);
    }

    // Single frames for a CPU whose lists of the zone hold less than a batch, while there is plenty.
    private int Dice(PerCpuPages pages, int type)
    {
        DicedBatch batch = BatchOf(pages, type);
        Zone zone = pages.Zone;
        int want = Math.Min(pages.State->Batch, DicedBatch.Capacity);
        if (!batch.IsWanted || batch.Count != 0 || Volatile.Read(ref pages.State->Count) >= want
            || (zone.Flags & ZoneFlags.BelowHigh) != 0 || unchecked(zone.State->FreePages - want) < zone.State->FastMark[(int)ZoneType.Movable] || !batch.TryBeginFill())
        {
            return 0;
        }

        batch.IsWanted = false;
        uint* frames = stackalloc uint[DicedBatch.Capacity];
        zone.Acquire();
        int got = zone.Area.Take(type, 0, frames, want);
        zone.Release();
        for (int i = 0; i < got; i++)
        {
            states[frames[i]] = FrameState.Diced;
        }

        batch.EndFill(new ReadOnlySpan<uint>(frames, got));
        return got;
    }

    /// <summary>An empty list's first resort: what the worker has diced, and what this CPU has put off to free.</summary>
    private int Recycle(PerCpuPages pages, int order, int type)
    {
        int got = order == 0 ? TakeDiced(pages, type) : 0;
        DeferredRing ring = deferred[pages.Cpu.Value];
        if (got != 0 || ring.PendingPages == 0 || !ring.TryEnter())
        {
            return got;
        }

        ref PageStack list = ref pages.List(PerCpuPages.ListOf(order, type));
        for (int i = 0; i < DicedBatch.Capacity && ring.TryPop(out uint pfn, out int pendingOrder); i++)
        {
            if (!IsPending(pfn, pendingOrder, (byte)(FrameState.Deferred | pendingOrder), out Zone? zone))
            {
                continue;
            }

            bool isFitting = zone == pages.Zone && pendingOrder == order && blocks[pfn >> Order.PageBlockValue].Type == type;
            if (isFitting && pages.Push(ref list, pfn))
            {
                states[pfn] = (byte)(FrameState.PerCpu | order);
                got++;
            }
            else
            {
                ReleaseHeld(zone, new Pfn(pfn), pendingOrder);
            }
        }

        ring.Leave();
        return got;
    }

    private int TakeDiced(PerCpuPages pages, int type)
    {
        DicedBatch batch = BatchOf(pages, type);
        if (!batch.IsWanted)
        {
            // Written once, not at every refill: another CPU's may lie in the same line.
            batch.IsWanted = true;
        }

        if (batch.Count == 0)
        {
            return 0;
        }

        Span<uint> frames = stackalloc uint[DicedBatch.Capacity];
        int count = batch.Take(frames);
        int kept = 0;
        ref PageStack list = ref pages.List(PerCpuPages.ListOf(0, type));
        for (int i = count - 1; i >= 0; i--)
        {
            if (!IsPending(frames[i], 0, FrameState.Diced, out Zone? zone))
            {
                continue;
            }

            // A pageblock that was isolated or retyped meanwhile takes its frame back.
            if (zone == pages.Zone && blocks[frames[i] >> Order.PageBlockValue].Type == type && pages.Push(ref list, frames[i]))
            {
                states[frames[i]] = FrameState.PerCpu;
                kept++;
            }
            else
            {
                ReleaseHeld(zone, new Pfn(frames[i]), 0);
            }
        }

        return kept;
    }

    // Memory is short: what is pending for one CPU goes back to the free area, whoever asks.
    private int ReturnPending(int cpu)
    {
        int moved = ReturnDeferred(cpu, int.MaxValue);
        Span<uint> frames = stackalloc uint[DicedBatch.Capacity];
        int perCpu = zones.Length * MigrateTypes.PerCpuCount;
        for (int i = cpu * perCpu; i < (cpu + 1) * perCpu; i++)
        {
            int count = diced[i].Take(frames);
            for (int k = 0; k < count; k++)
            {
                if (IsPending(frames[k], 0, FrameState.Diced, out Zone? zone))
                {
                    ReleaseHeld(zone, new Pfn(frames[k]), 0);
                    moved++;
                }
            }
        }

        return moved;
    }

    private bool FlushOwn(in AllocationRequest request) => ReturnPending(request.Cpu) != 0;
}
