using System.Runtime.InteropServices;
using Engine.Bench.Harness;
using Engine.Core.Arena;
using Engine.Core.Slab;
using Engine.Core.Units;

namespace Engine.Bench.Objects;

/// <summary>CPU 0 allocates, CPU 1 frees, through a ring of 4,096 places, as in the peer program.</summary>
internal sealed class SlabHandoff : IWorkload
{
    private const int Ring = 4096;

    private readonly SlabBench bench;
    private readonly SlabCache cache;
    private readonly PhysicalMemory memory;
    private readonly PhysAddr[] places = new PhysAddr[Ring];
    private readonly long count;
    private Cursors cursors;
    private ulong sum;

    public SlabHandoff(int sizeBytes, long count)
    {
        this.count = count;
        bench = new SlabBench(sizeBytes, cpuCount: 2);
        (cache, memory) = (bench.Cache, bench.Memory);
    }

    public void Prepare(int thread)
    {
        if (thread == 0)
        {
            cursors = default;
        }
    }

    public long Run(int thread)
    {
        if (thread == 0)
        {
            Produce();
        }
        else
        {
            sum += Consume();
        }

        return count;
    }

    public void Dispose() => bench.Dispose();

    private void Produce()
    {
        CpuId cpu = new(0);
        long seen = 0;
        for (long i = 0; i < count; i++)
        {
            if (!cache.TryAllocate(cpu, GfpFlags.Kernel, out PhysAddr address))
            {
                throw new InvalidOperationException("out of simulated memory");
            }

            memory.GetRef<ulong>(address) = (ulong)i;
            while (i - seen >= Ring)
            {
                seen = Volatile.Read(ref cursors.Tail);
            }

            places[i & (Ring - 1)] = address;
            Volatile.Write(ref cursors.Head, i + 1);
        }
    }

    private ulong Consume()
    {
        CpuId cpu = new(1);
        ulong total = 0;
        long seen = 0;
        for (long i = 0; i < count; i++)
        {
            while (i >= seen)
            {
                seen = Volatile.Read(ref cursors.Head);
            }

            PhysAddr address = places[i & (Ring - 1)];
            total += memory.GetRef<ulong>(address);
            cache.Free(cpu, address);
            Volatile.Write(ref cursors.Tail, i + 1);
        }

        return total;
    }

    // Each on lines of its own.
    [StructLayout(LayoutKind.Explicit, Size = 384)]
    private struct Cursors
    {
        [FieldOffset(128)]
        public long Head;

        [FieldOffset(256)]
        public long Tail;
    }
}
