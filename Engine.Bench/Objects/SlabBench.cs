using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Slab;
using Engine.Core.Units;

namespace Engine.Bench.Objects;

/// <summary>A machine with one slab cache, its memory touched.</summary>
internal sealed class SlabBench : IDisposable
{
    private const ulong MemoryBytes = 256UL << 20;

    public SlabBench(int sizeBytes, int cpuCount)
    {
        Memory = new PhysicalMemory(new MemoryBank(new PhysAddr(0x4000_0000), MemoryBytes));
        Memory.Warm();
        MemoryLayout layout = new(Memory);
        FrameTable frames = new(Memory, layout);
        PageAllocator pages = new(Memory, layout, frames, new CorruptionLog(), new PageAllocatorOptions { CpuCount = cpuCount });
        Cache = SlabSystem.Of(pages).Create("bench", sizeBytes);
    }

    public PhysicalMemory Memory { get; }

    public SlabCache Cache { get; }

    public void Dispose() => Memory.Dispose();
}
