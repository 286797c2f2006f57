using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.PropertyTests.Buddy;

/// <summary>A small machine with a page allocator, for tests.</summary>
internal sealed class TestMachine : IDisposable
{
    public static readonly PhysAddr Gib1 = new(1UL << 30);

    public TestMachine(ulong bytes, PageAllocatorOptions? options = null)
        : this(options, new MemoryBank(Gib1, bytes))
    {
    }

    public TestMachine(PageAllocatorOptions? options, params MemoryBank[] banks)
    {
        Memory = new PhysicalMemory(banks);
        Layout = new MemoryLayout(Memory);
        Frames = new FrameTable(Memory, Layout);
        Allocator = new PageAllocator(Memory, Layout, Frames, Log, options ?? new PageAllocatorOptions());
    }

    public PhysicalMemory Memory { get; }

    public MemoryLayout Layout { get; }

    public FrameTable Frames { get; }

    public CorruptionLog Log { get; } = new();

    public PageAllocator Allocator { get; }

    public void Dispose() => Memory.Dispose();
}
