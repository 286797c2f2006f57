// The published workloads for page-frame allocators, on simulated memory.
//
// F frames, T threads, each on its own simulated CPU; a thread has (F >> order) / T blocks to itself. Random numbers are
// xorshift64 (13, 7, 17), an index is ((r >> 32) * n) >> 32. Live blocks are kept in a plain array of 64-bit numbers; frame memory is not touched.
//   repeat-half  half of the blocks allocated; then {free the last; allocate it again}: {get; put} pairs
//   bulk         get N = min(100,000, 3/4 of the blocks), then put them in the order they came; get and put timed apart
//   bulk-shuf    as bulk, put in shuffled order
//   randP        P % allocated; {put a random live block; get one}
//   churn512-P   the same fill; rounds of {put 512 distinct random live blocks; get 512}
//   remote       two threads, bulk, each puts what the other got

using System.Diagnostics;
using Engine.Bench.Harness;
using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Bench.Frames;

/// <summary>One allocator and the threads' live blocks; the base of every frame workload.</summary>
internal abstract class FrameWorkload : IWorkload
{
    private const ulong FirstByte = 1UL << 30;

    /// <summary>What the blocks are asked for with: user memory.</summary>
    protected const GfpFlags Gfp = GfpFlags.HighUserMovable;

    private readonly PhysicalMemory memory;

    /// <summary>Boots a machine and warms its metadata.</summary>
    protected FrameWorkload(ulong memoryBytes, int order, int threads)
    {
        memory = new PhysicalMemory(new MemoryBank(new PhysAddr(FirstByte), memoryBytes));
        MemoryLayout layout = new(memory);
        FrameTable frames = new(memory, layout);
        Allocator = new PageAllocator(memory, layout, frames, new CorruptionLog { StopAtFirst = true }, new PageAllocatorOptions { CpuCount = threads });

        // The frame table is touched once, so that first-touch faults of the host are not measured.
        memory.GetSpan(frames.Region.Start, checked((int)frames.Region.LengthBytes)).Clear();
        Order = new Order(order);
        Threads = threads;
        Blocks = (int)((memoryBytes >> Pfn.PageShift >> order) / (ulong)threads);
        Live = [.. Enumerable.Range(0, threads).Select(_ => new ulong[Blocks])];
        Randoms = [.. Enumerable.Range(0, threads).Select(thread => new XorShift64((ulong)thread + 1))];
    }

    protected PageAllocator Allocator { get; }

    protected Order Order { get; }

    protected int Threads { get; }

    /// <summary>Blocks of the order that a thread has to itself.</summary>
    protected int Blocks { get; }

    /// <summary>By thread: the blocks it holds.</summary>
    protected ulong[][] Live { get; }

    protected XorShift64[] Randoms { get; }

    public virtual void Prepare(int thread)
    {
    }

    public abstract long Run(int thread);

    public virtual long? OwnNanoseconds(int thread) => null;

    public virtual void Dispose() => memory.Dispose();

    /// <summary>Takes blocks into the live array.</summary>
    protected void Fill(int thread, int count)
    {
        CpuId cpu = new(thread);
        ulong[] live = Live[thread];
        for (int i = 0; i < count; i++)
        {
            if (!Allocator.TryAllocate(cpu, Order, Gfp, out Pfn pfn))
            {
                throw new UnreachableException($"no block {i} of {count} of order {Order}");
            }

            live[i] = pfn.ToUInt32();
        }
    }

    /// <summary>Puts blocks back, the thread's own or another one's, in the order they stand.</summary>
    protected void Empty(int thread, ReadOnlySpan<ulong> blocks)
    {
        CpuId cpu = new(thread);
        foreach (ulong pfn in blocks)
        {
            Allocator.Free(cpu, new Pfn((uint)pfn), Order);
        }
    }
}
