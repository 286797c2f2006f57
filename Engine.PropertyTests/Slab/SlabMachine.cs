using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Slab;

namespace Engine.PropertyTests.Slab;

/// <summary>A small machine with slab caches.</summary>
internal sealed class SlabMachine : IDisposable
{
    public SlabMachine(int cpuCount = 4, SlabOptions? options = null, ulong lengthBytes = 16UL << 20)
    {
        Memory = new PhysicalMemory(new MemoryBank(new(0x4000_0000), lengthBytes));
        MemoryLayout layout = new(Memory);
        FrameTable frames = new(Memory, layout);
        Pages = new PageAllocator(Memory, layout, frames, Log, new PageAllocatorOptions { CpuCount = cpuCount });
        System = options is null ? SlabSystem.Of(Pages) : SlabSystem.Attach(Pages, options);
    }

    public CorruptionLog Log { get; } = new();

    public PhysicalMemory Memory { get; }

    public PageAllocator Pages { get; }

    public SlabSystem System { get; }

    public void Dispose() => Memory.Dispose();
}
