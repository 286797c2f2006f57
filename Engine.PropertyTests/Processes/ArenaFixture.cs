using Engine.Arm64.Processes;
using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.PropertyTests.Processes;

/// <summary>A small machine without processes: memory, page allocator, and the caches of address spaces.</summary>
internal sealed class ArenaFixture : IDisposable
{
    public ArenaFixture(ulong lengthBytes = 32UL << 20)
    {
        Memory = new PhysicalMemory(new MemoryBank(new PhysAddr(0x4000_0000), lengthBytes, 0));
        MemoryLayout layout = new(Memory);
        Pages = new PageAllocator(Memory, layout, new FrameTable(Memory, layout), Log, new PageAllocatorOptions());
        Caches = new MemoryMapCaches(Pages);
    }

    public static CpuId Cpu { get; } = new(0);

    public CorruptionLog Log { get; } = new();

    public PhysicalMemory Memory { get; }

    public PageAllocator Pages { get; }

    public MemoryMapCaches Caches { get; }

    /// <summary>Zeroed room for a structure in the arena.</summary>
    public PhysAddr TakePage()
    {
        if (!Pages.TryAllocate(Cpu, Order.Zero, GfpFlags.Kernel | GfpFlags.Zero, out Pfn pfn))
        {
            throw new InvalidOperationException("the fixture's memory is too small");
        }

        return pfn.Address;
    }

    public void Dispose() => Memory.Dispose();
}
