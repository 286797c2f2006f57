using Engine.Arm64.PageTables;
using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.PropertyTests.PageTables;

/// <summary>A small machine with one tree of tables.</summary>
internal sealed class TestTree : IDisposable
{
    public static readonly CpuId Cpu = new(0);

    public TestTree(ulong lengthBytes = 8UL << 20)
    {
        Memory = new PhysicalMemory(new MemoryBank(new PhysAddr(0x4000_0000), lengthBytes));
        MemoryLayout layout = new(Memory);
        FrameTable frames = new(Memory, layout);
        Log = new CorruptionLog();
        Allocator = new PageAllocator(Memory, layout, frames, Log, new PageAllocatorOptions());
        Assert(PageTable.TryCreate(Allocator, Cpu, PageTableKind.User, out PageTable? table));
        Table = table!;
    }

    public PhysicalMemory Memory { get; }

    public CorruptionLog Log { get; }

    public PageAllocator Allocator { get; }

    public PageTable Table { get; }

    public void Dispose() => Memory.Dispose();

    private static void Assert(bool condition) => Xunit.Assert.True(condition);
}
