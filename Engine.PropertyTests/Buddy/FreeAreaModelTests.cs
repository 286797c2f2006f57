using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Units;
using Engine.Core.Zones;
using Engine.PropertyTests.Support;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.Buddy;

/// <summary>The bitmaps against a model that finds blocks by looking at every frame: exactly the same block, each time.</summary>
public sealed unsafe class FreeAreaModelTests
{
    private const int BlockCount = 6;
    private const uint FirstPfn = 0x40000;

    private static readonly Gen<(int Kind, int Order, int Type, int Pick)> Operation =
        from kind in Gen.Choose(0, 9)
        from order in Gen.Choose(0, 10)
        from type in Gen.Choose(0, 2)
        from pick in Gen.Choose(0, int.MaxValue - 1)
        select (kind, order, type, pick);

    [Fact]
    public void The_same_block_is_taken_as_by_looking_at_every_frame() =>
        ModelProperty.Check(Operation, operations => Run(operations, isFaulty: false), tests: 60, length: 200);

    [Fact]
    public void A_model_that_takes_the_highest_block_is_caught() =>
        ModelProperty.MustFail(Operation, operations => Run(operations, isFaulty: true), tests: 60, length: 200);

    [Fact]
    public void A_words_orders_are_those_of_its_blocks() =>
        ModelProperty.Check(Gen.Choose(int.MinValue, int.MaxValue), numbers => CompareOrders(numbers, FreeWord.OrdersOf), tests: 300, length: 12);

    [Fact]
    public void An_order_that_is_overlooked_is_caught() =>
        ModelProperty.MustFail(Gen.Choose(int.MinValue, int.MaxValue), numbers => CompareOrders(numbers, word => FreeWord.OrdersOf(word) & ~4u), tests: 300, length: 12);

    private static void CompareOrders(IReadOnlyList<int> numbers, Func<ulong, uint> ordersOf)
    {
        ulong word = numbers.Aggregate(0UL, (all, number) => System.Numerics.BitOperations.RotateLeft(all, 17) ^ (uint)number);
        word |= numbers.Count % 3 == 0 ? word << 1 | word << 2 : 0;
        uint orders = 0;
        for (int order = 0; order <= 6; order++)
        {
            ulong expected = 0;
            for (int start = 0; start < 64; start += 1 << order)
            {
                bool isWhole = (word >> start & FreeWord.BlockMask(order)) == FreeWord.BlockMask(order);
                int parent = start & ~((2 << order) - 1);
                bool isPartOfLarger = order < 6 && (word >> parent & FreeWord.BlockMask(order + 1)) == FreeWord.BlockMask(order + 1);
                expected |= isWhole && !isPartOfLarger ? 1UL << start : 0;
            }

            Assert.Equal(expected, FreeWord.ExactBlocks(word, order));
            orders |= expected != 0 ? 1u << order : 0;
        }

        Assert.Equal(orders, ordersOf(word));
    }

    private static void Run(IReadOnlyList<(int Kind, int Order, int Type, int Pick)> operations, bool isFaulty)
    {
        using PhysicalMemory memory = new(new MemoryBank(new PhysAddr((ulong)FirstPfn << 12), 16UL << 20));
        MemoryLayout layout = new(memory);
        ZoneSpan span = new(0, ZoneType.Normal, new Pfn(FirstPfn), BlockCount * 512);
        PageBlockTable tables = new(memory, layout);
        MemoryRegion trees = layout.Reserve("trees", (ulong)FreeArea.TreeWords(span) * 8);
        MemoryRegion zone = layout.Reserve("zone", ZoneState.SizeBytes);
        CorruptionLog log = new() { StopAtFirst = true };
        FreeArea area = new(tables, (ulong*)(memory.Bias + trees.Start.Value), (ZoneState*)(memory.Bias + zone.Start.Value), span, 0, log);
        area.AddPageBlocks(memory.Banks, span);
        NaiveFreeArea model = new(FirstPfn, BlockCount);
        uint* taken = stackalloc uint[64];
        List<(uint Pfn, int Order)> live = [];
        foreach ((int kind, int order, int type, int pick) in operations.Prepend((0, 0, 0, 0)))
        {
            if (live.Count == 0 && model.FreeCount == 0)
            {
                area.PutRange(FirstPfn, FirstPfn + (BlockCount * 512));
                model.Put(FirstPfn, BlockCount * 512);
            }

            if (kind < 5)
            {
                int want = order > 5 ? 1 : 1 + (pick % 40);
                int got = area.Take(type, order, taken, want);
                for (int i = 0; i < got; i++)
                {
                    Assert.Equal(model.Take(type, order, isFaulty), taken[i]);
                    live.Add((taken[i], order));
                }

                Assert.True(got == want || model.Take(type, order, isFaulty) == null, $"{got} of {want} blocks of order {order}");
            }
            else if (kind < 8 && live.Count != 0)
            {
                (uint pfn, int freed) = live[pick % live.Count];
                _ = live.Remove((pfn, freed));
                Assert.True(area.Put(pfn, freed));
                model.Put(pfn, 1u << freed);
            }
            else
            {
                int number = (int)(FirstPfn >> 9) + (pick % BlockCount);
                area.Retype(number, (MigrateType)type);
                model.Retype(pick % BlockCount, type);
            }

            // Joining two free pageblocks of different types changes one type, by a rule of its own; the model is told.
            model.Types(number => area[(int)(FirstPfn >> 9) + number].Type);
            List<Corruption> findings = [];
            area.Verify(findings);
            Assert.Empty(findings);
        }
    }
}
