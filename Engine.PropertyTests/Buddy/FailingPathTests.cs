using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Migration;
using Engine.Core.Units;
using Engine.Core.Zones;
using Xunit;

namespace Engine.PropertyTests.Buddy;

/// <summary>Whatever fails has changed nothing: every way to fail, and what memory says afterwards.</summary>
public sealed class FailingPathTests
{
    private const ulong MiB = 1UL << 20;
    private static readonly CpuId Cpu0 = new(0);
    private static readonly Order Huge = Order.PageBlock;

    public static TheoryData<string> Ways => [.. All.Keys];

    // Each finds a machine with scattered free pages, no free block of order 3 and more, and one isolated pageblock.
    private static Dictionary<string, Func<World, bool>> All { get; } = new()
    {
        ["no block of the order"] = world => world.Try(Huge, GfpFlags.TransHuge | GfpFlags.Io),
        ["no block, no retry"] = world => world.Try(Huge, GfpFlags.TransHuge | GfpFlags.NoRetry),
        ["no block, may retry"] = world => world.Try(Huge, GfpFlags.TransHuge | GfpFlags.Io | GfpFlags.RetryMayFail),
        ["no block, must not fail"] = world => world.Try(Huge, GfpFlags.HighUserMovable | GfpFlags.NoFail),
        ["no block, cannot wait"] = world => world.Try(new Order(3), GfpFlags.NoWait),
        ["no block, atomic"] = world => world.Try(new Order(5), GfpFlags.Atomic),
        ["no block, all reserves"] = world => world.Try(new Order(4), GfpFlags.Kernel | GfpFlags.MemAlloc),
        ["no block, compound"] = world => world.Try(new Order(4), GfpFlags.HighUserMovable | GfpFlags.Comp | GfpFlags.Zero),
        ["largest order"] = world => world.Try(Order.Max, GfpFlags.Kernel),
        ["another node"] = world => world.Allocator.TryAllocateOnNode(Cpu0, 0, Huge, GfpFlags.Kernel | GfpFlags.ThisNode, out _),
        ["two zones at once"] = world => Throws<ArgumentException>(() => world.Try(Order.Zero, GfpFlags.Dma | GfpFlags.Dma32)),
        ["two types at once"] = world => Throws<ArgumentException>(() => world.Try(Order.Zero, GfpFlags.Movable | GfpFlags.Reclaimable)),
        ["no such CPU"] = world => Throws<ArgumentOutOfRangeException>(() => world.Allocator.TryAllocate(new CpuId(9), Order.Zero, GfpFlags.Kernel, out _)),
        ["no such node"] = world => Throws<ArgumentOutOfRangeException>(() => world.Allocator.TryAllocateOnNode(Cpu0, 7, Order.Zero, GfpFlags.Kernel, out _)),
        ["free, no such CPU"] = world => Throws<ArgumentOutOfRangeException>(() => world.Allocator.Free(new CpuId(9), world.Live[0], Order.Zero)),
        ["bulk of contradicting flags"] = world => Throws<ArgumentException>(() => world.Allocator.AllocateBulk(Cpu0, GfpFlags.Dma | GfpFlags.Dma32, new Pfn[3])),
        ["bulk into a full array"] = world => world.Allocator.AllocateBulk(Cpu0, GfpFlags.Kernel, [world.Live[0], world.Live[1]]) != 2,
        ["split into more"] = world => world.Allocator.TrySplit(world.Live[0], Order.Zero),
        ["split of a free frame"] = world => world.Allocator.TrySplit(world.Freed[0], Order.Zero),
        ["carve out of nothing"] = world => Throws<ArgumentException>(() => world.Allocator.CarveBlock(world.Freed[0], Order.Zero)),
        ["range that cannot move"] = world => world.Allocator.TryAllocateRange(Cpu0, world.Live[600], 300),
        ["range over the end"] = world => world.Allocator.TryAllocateRange(Cpu0, world.Last, 2),
        ["empty range"] = world => world.Allocator.TryAllocateRange(Cpu0, world.Live[0], 0),
        ["range of isolated frames"] = world => world.Allocator.TryAllocateRange(Cpu0, world.Isolated, 5),
        ["isolation of half a pageblock"] = world => world.Allocator.TryIsolate(world.Isolated, 256),
        ["isolation twice"] = world => world.Allocator.TryIsolate(world.Isolated, Huge.PageCount),
        ["isolation of boot's frames"] = world => world.Allocator.TryIsolate(world.BlockOfBoot, Huge.PageCount),
        ["CMA of frames in use"] = world => world.Allocator.TryReserveCma(world.BlockInUse, Huge.PageCount),
        ["CMA of half a pageblock"] = world => world.Allocator.TryReserveCma(world.BlockInUse, 5),
        ["a move that is refused"] = world => world.Allocator.TryMovePage(Cpu0, world.Live[0], GfpFlags.HighUserMovable),
        ["a move of a free frame"] = world => world.Allocator.TryMovePage(Cpu0, world.Freed[0], GfpFlags.HighUserMovable),
        ["compaction without room"] = world => world.Allocator.Compact(Cpu0, world.Zone, Huge) == CompactResult.Success,
        ["boot's memory twice"] = world => Throws<ArgumentException>(() => world.Allocator.FreeReserved(world.Live[0], 1)),
    };

    [Theory]
    [MemberData(nameof(Ways))]
    public void Nothing_has_changed(string way)
    {
        using World world = new();
        byte[] before = world.Snapshot();
        Assert.False(All[way](world), "it did not fail");
        Assert.Equal(before, world.Snapshot());
        Assert.Equal(0, world.LogCount);
        Assert.Empty(world.Allocator.Verify());
    }

    [Fact]
    public void A_failure_that_changed_something_is_caught()
    {
        using World world = new();
        byte[] before = world.Snapshot();
        Assert.False(world.Try(Huge, GfpFlags.Kernel));
        Assert.True(world.Try(Order.Zero, GfpFlags.Kernel));
        Assert.NotEqual(before, world.Snapshot());
    }

    private static bool Throws<TException>(Action action)
        where TException : Exception
    {
        _ = Assert.ThrowsAny<TException>(action);
        return false;
    }

    private sealed class World : IDisposable, IPageMigrator
    {
        private static readonly string[] Regions = ["frame states", "frame table", "pageblock table", "free maps", "free area bitmaps"];
        private readonly TestMachine machine = new(64 * MiB, new PageAllocatorOptions { CpuCount = 2, IsDeterministic = true });

        public World()
        {
            Allocator.Migrator = this;
            while (Allocator.TryAllocate(Cpu0, Order.Zero, GfpFlags.HighUserMovable | GfpFlags.MemAlloc | GfpFlags.NoRetry, out Pfn pfn))
            {
                Live.Add(pfn);
            }

            // Above the watermark, but no two buddies of four frames.
            Freed.AddRange(Live.Where(pfn => pfn.ToUInt32() % 4 == 0));
            Live.RemoveAll(Freed.Contains);
            Freed.ForEach(pfn => Allocator.Free(Cpu0, pfn, Order.Zero));
            Isolated = BlockOf(Live[^1]);
            Assert.True(Allocator.TryIsolate(Isolated, Huge.PageCount));
            Allocator.DrainAll(Cpu0);
        }

        public PageAllocator Allocator => machine.Allocator;

        public Zone Zone => Allocator.Zones[0];

        public long LogCount => machine.Log.Count;

        public List<Pfn> Live { get; } = [];

        public List<Pfn> Freed { get; } = [];

        public Pfn Isolated { get; }

        public Pfn Last => machine.Frames.First + (machine.Frames.Count - 1);

        public Pfn BlockInUse => BlockOf(Live[0]);

        public Pfn BlockOfBoot => BlockOf(machine.Frames.Region.Start.Pfn);

        public bool Try(Order order, GfpFlags gfp)
        {
            bool isTaken = Allocator.TryAllocate(Cpu0, order, gfp, out Pfn pfn);
            Assert.True(isTaken || pfn == Pfn.None, $"a failure returned {pfn}");
            return isTaken;
        }

        // All that says where a frame is: free, in use or on a list. Lists that were given up are empty in both.
        public byte[] Snapshot()
        {
            Allocator.DrainAll(Cpu0);
            return
            [
                .. Regions.SelectMany(name =>
                {
                    MemoryRegion region = machine.Layout.Regions.Single(one => one.Name == name);
                    return machine.Memory.GetSpan(region.Start, (int)region.LengthBytes).ToArray();
                }),
                .. BitConverter.GetBytes(Zone.FreePages),
                .. BitConverter.GetBytes(Zone.ReservedHighAtomicPages),
            ];
        }

        public bool CanMove(Pfn head, Order order, CompactMode mode) => true;

        public bool TryMove(CpuId cpu, Pfn from, Pfn to, Order order, CompactMode mode) => false;

        public void Dispose() => machine.Dispose();

        private static Pfn BlockOf(Pfn pfn) => new(pfn.ToUInt32() & ~(Huge.PageCount - 1));
    }
}
