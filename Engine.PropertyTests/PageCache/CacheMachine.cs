using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.PageCache;
using Engine.Core.Units;

namespace Engine.PropertyTests.PageCache;

/// <summary>A small machine with a page cache and nothing else.</summary>
internal sealed class CacheMachine : IDisposable
{
    public static readonly CpuId Cpu = new(0);

    public CacheMachine(KernelRelease release = KernelRelease.Linux69, ulong memoryBytes = 64UL << 20)
    {
        Memory = new PhysicalMemory(new MemoryBank(new PhysAddr(0x4000_0000), memoryBytes));
        MemoryLayout layout = new(Memory);
        Frames = new FrameTable(Memory, layout);
        Pages = new PageAllocator(Memory, layout, Frames, Log, new PageAllocatorOptions());
        Cache = new FileCache(Pages, new FileCacheOptions { Release = release });
    }

    public PhysicalMemory Memory { get; }

    public FrameTable Frames { get; }

    public CorruptionLog Log { get; } = new();

    public PageAllocator Pages { get; }

    public FileCache Cache { get; }

    public FileMapping Open(IBackingStore backing, int folioOrderMax = 0) =>
        Cache.Open(Cpu, backing, new FileMappingOptions { FolioOrderMax = folioOrderMax })!;

    public ulong FreePages()
    {
        Pages.DrainAll(Cpu);
        return Pages.Zones.Aggregate(0UL, (sum, zone) => sum + zone.FreePages);
    }

    public void Dispose() => Memory.Dispose();
}
