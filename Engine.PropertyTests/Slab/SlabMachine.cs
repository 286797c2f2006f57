using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Slab;
using Engine.Core.Units;

namespace Engine.PropertyTests.Slab;

/// <summary>A small machine with slab caches.</summary>
internal sealed class SlabMachine : IDisposable
{
    // Nodes lie apart, with holes between them.
    private const ulong NodeSpanBytes = 64UL << 20;

    public SlabMachine(int cpuCount = 4, SlabOptions? options = null, ulong lengthBytes = 16UL << 20, int nodeCount = 1)
    {
        Memory = new PhysicalMemory([.. Enumerable.Range(0, nodeCount).Select(node => new MemoryBank(new(NodeStart(node)), lengthBytes, node))]);
        MemoryLayout layout = new(Memory);
        FrameTable frames = new(Memory, layout);
        Pages = new PageAllocator(Memory, layout, frames, Log, new PageAllocatorOptions { CpuCount = cpuCount });
        System = options is null ? SlabSystem.Of(Pages) : SlabSystem.Attach(Pages, options);
    }

    public CorruptionLog Log { get; } = new();

    public PhysicalMemory Memory { get; }

    public PageAllocator Pages { get; }

    public SlabSystem System { get; }

    /// <summary>The node of an address, by the layout of the banks alone.</summary>
    public static int NodeOf(PhysAddr address) => (int)((address.ToUInt64() - NodeStart(0)) / NodeSpanBytes);

    public void Dispose() => Memory.Dispose();

    private static ulong NodeStart(int node) => 0x4000_0000 + ((ulong)node * NodeSpanBytes);
}
