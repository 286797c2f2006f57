using BenchmarkDotNet.Attributes;
using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Bench.Frames;

/// <summary>The page allocator's inner operations, with the managed memory that they allocate (none).</summary>
[MemoryDiagnoser]
public class FrameBenchmarks : IDisposable
{
    private const int BatchCount = 512;
    private static readonly CpuId Cpu0 = new(0);
    private readonly Pfn[] live = new Pfn[BatchCount];
    private PhysicalMemory memory = null!;
    private PageAllocator allocator = null!;
    private Order blockOrder;

    /// <summary>The blocks' order.</summary>
    [Params(0, 3, 5, 9)]
    public int BlockOrder { get; set; }

    /// <summary>Boots 2 GiB.</summary>
    [GlobalSetup]
    public void Setup()
    {
        memory = new PhysicalMemory(new MemoryBank(new PhysAddr(1UL << 30), 2UL << 30));
        MemoryLayout layout = new(memory);
        FrameTable frames = new(memory, layout);
        allocator = new PageAllocator(memory, layout, frames, new CorruptionLog { StopAtFirst = true }, new PageAllocatorOptions());
        blockOrder = new Order(BlockOrder);
    }

    /// <summary>A get and a put.</summary>
    [Benchmark]
    public void Pair()
    {
        _ = allocator.TryAllocate(Cpu0, blockOrder, GfpFlags.HighUserMovable, out Pfn pfn);
        allocator.Free(Cpu0, pfn, blockOrder);
    }

    /// <summary>512 gets and 512 puts: through refills and drains.</summary>
    [Benchmark(OperationsPerInvoke = BatchCount)]
    public void Batch()
    {
        foreach (ref Pfn pfn in live.AsSpan())
        {
            _ = allocator.TryAllocate(Cpu0, blockOrder, GfpFlags.HighUserMovable, out pfn);
        }

        foreach (Pfn pfn in live)
        {
            allocator.Free(Cpu0, pfn, blockOrder);
        }
    }

    /// <summary>Gives the memory back.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        memory.Dispose();
        GC.SuppressFinalize(this);
    }
}
