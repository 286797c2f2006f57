using System.Runtime.CompilerServices;
using Engine.Bench.Harness;
using Engine.Core.Arena;
using Engine.Core.Slab;
using Engine.Core.Units;

namespace Engine.Bench.Objects;

/// <summary>One CPU's work on a slab cache.</summary>
internal sealed class SlabWorkload : IWorkload
{
    private const int Batch = 1024;
    private const int Live = 100_000;

    private readonly SlabBench bench;
    private readonly SlabCache cache;
    private readonly PhysicalMemory memory;
    private readonly PhysAddr[] slots = new PhysAddr[Live];
    private readonly string request;
    private readonly long count;
    private ulong state = 0x9e3779b97f4a7c15;
    private ulong sum;

    public SlabWorkload(string request, int sizeBytes, long count)
    {
        (this.request, this.count) = (request, count);
        bench = new SlabBench(sizeBytes, cpuCount: 1);
        (cache, memory) = (bench.Cache, bench.Memory);
        for (int i = 0; request == "random" && i < Live; i++)
        {
            slots[i] = Get(cache, memory, (ulong)i);
        }
    }

    public void Prepare(int thread)
    {
    }

    public long Run(int thread)
    {
        sum += request switch
        {
            "pair" => Pair(cache, memory, count),
            "fifo" => BatchInOrder(cache, memory, slots, count),
            "lifo" => BatchReversed(cache, memory, slots, count),
            _ => Replace(cache, memory, slots, count),
        };
        return count;
    }

    public void Dispose() => bench.Dispose();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static PhysAddr Get(SlabCache cache, PhysicalMemory memory, ulong value)
    {
        if (!cache.TryAllocate(new CpuId(0), GfpFlags.Kernel, out PhysAddr address))
        {
            throw new InvalidOperationException("out of simulated memory");
        }

        memory.GetRef<ulong>(address) = value;
        return address;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Put(SlabCache cache, PhysicalMemory memory, PhysAddr address)
    {
        ulong value = memory.GetRef<ulong>(address);
        cache.Free(new CpuId(0), address);
        return value;
    }

    private static ulong Pair(SlabCache cache, PhysicalMemory memory, long count)
    {
        ulong sum = 0;
        for (long i = 0; i < count; i++)
        {
            sum += Put(cache, memory, Get(cache, memory, (ulong)i));
        }

        return sum;
    }

    private static ulong BatchInOrder(SlabCache cache, PhysicalMemory memory, PhysAddr[] slots, long count)
    {
        ulong sum = 0;
        for (long i = 0; i < count; i += Batch)
        {
            Fill(cache, memory, slots.AsSpan(0, Batch), (ulong)i);
            sum += EmptyInOrder(cache, memory, slots.AsSpan(0, Batch));
        }

        return sum;
    }

    private static ulong BatchReversed(SlabCache cache, PhysicalMemory memory, PhysAddr[] slots, long count)
    {
        ulong sum = 0;
        for (long i = 0; i < count; i += Batch)
        {
            Fill(cache, memory, slots.AsSpan(0, Batch), (ulong)i);
            sum += EmptyReversed(cache, memory, slots.AsSpan(0, Batch));
        }

        return sum;
    }

    // The loops stand alone, because together they have more variables than there are registers that calls preserve.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Fill(SlabCache cache, PhysicalMemory memory, Span<PhysAddr> batch, ulong value)
    {
        for (int k = 0; k < batch.Length; k++)
        {
            batch[k] = Get(cache, memory, value + (ulong)k);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong EmptyInOrder(SlabCache cache, PhysicalMemory memory, ReadOnlySpan<PhysAddr> batch)
    {
        ulong sum = 0;
        foreach (PhysAddr slot in batch)
        {
            sum += Put(cache, memory, slot);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong EmptyReversed(SlabCache cache, PhysicalMemory memory, ReadOnlySpan<PhysAddr> batch)
    {
        ulong sum = 0;
        for (int k = batch.Length - 1; k >= 0; k--)
        {
            sum += Put(cache, memory, batch[k]);
        }

        return sum;
    }

    private ulong Replace(SlabCache cache, PhysicalMemory memory, PhysAddr[] slots, long count)
    {
        ulong sum = 0;
        ulong x = state;
        for (long i = 0; i < count; i++)
        {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            int k = (int)(((x >> 32) * Live) >> 32);
            sum += Put(cache, memory, slots[k]);
            slots[k] = Get(cache, memory, (ulong)i);
        }

        state = x;
        return sum;
    }
}
