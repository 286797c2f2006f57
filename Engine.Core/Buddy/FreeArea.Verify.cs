using System.Numerics;
using Engine.Core.Diagnostics;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <content>Counts from the slow truth, and checks against it.</content>
internal sealed unsafe partial class FreeArea
{
    /// <summary>Counts the free blocks of each type and order (what <c>/proc/buddyinfo</c> and <c>pagetypeinfo</c> print) by walking all maps.</summary>
    /// <param name="counts">Type × order, <see cref="MigrateTypes.Count"/> × <see cref="Order.Count"/>; zeroed first.</param>
    public void CountBlocks(Span<long> counts)
    {
        counts.Clear();
        for (int number = firstBlock; number < endBlock; number++)
        {
            ref PageBlock block = ref blocks[number];
            if (block.ZonePlusOne == zonePlusOne && block.Summary != 0)
            {
                CountPageBlock(block, number, counts.Slice(TypeOf(block) * Order.Count, Order.Count));
            }
        }
    }

    /// <summary>How many pageblocks of each type there are.</summary>
    public void CountPageBlocks(Span<long> counts)
    {
        counts.Clear();
        for (int number = firstBlock; number < endBlock; number++)
        {
            if (blocks[number].ZonePlusOne == zonePlusOne)
            {
                counts[TypeOf(blocks[number])]++;
            }
        }
    }

    /// <summary>Checks maps, summaries, masks, trees and counters against each other.</summary>
    public void Verify(List<Corruption> findings)
    {
        for (int part = 0; part < partCount; part++)
        {
            VerifyPart(part, findings);
        }
    }

    private void VerifyPart(int part, List<Corruption> findings)
    {
        long free = 0;
        long freeCma = 0;
        uint* seen = stackalloc uint[MigrateTypes.Count];
        new Span<uint>(seen, MigrateTypes.Count).Clear();
        int end = Math.Min(endBlock, FirstBlockOf(part + 1));
        for (int number = FirstBlockOf(part); number < end; number++)
        {
            ref PageBlock block = ref blocks[number];
            if (block.ZonePlusOne != zonePlusOne)
            {
                continue;
            }

            int pages = CountFree(number);
            free += block.Type == (byte)MigrateType.Isolate ? 0 : pages;
            freeCma += block.Type == (byte)MigrateType.Cma ? pages : 0;
            uint expected = ExpectedOrders(block, number);
            if (block.Type >= MigrateTypes.Count || block.Orders != expected)
            {
                Add(findings, "the orders of a pageblock", number, expected, block.Orders);
            }

            seen[TypeOf(block)] |= expected;
            VerifySummary(block, number, findings);
            VerifyTrees(block, number, findings);
        }

        VerifyMasks(part, seen, findings);
        Compare(findings, "free pages", free, parts[part].FreePages);
        Compare(findings, "free CMA pages", freeCma, parts[part].FreeCmaPages);
    }

    private void CountPageBlock(in PageBlock block, int number, Span<long> counts)
    {
        if (block.Summary == FreeWord.WholePageBlock)
        {
            counts[PageBlockShift] += (block.Orders & (1 << PageBlockShift)) != 0 ? 1 : 0;
            counts[Order.MaxValue] += (block.Orders & PageBlock.PairBit) != 0 ? 1 : 0;
            return;
        }

        uint full = FreeWord.FullWords(block.Summary);
        for (int order = 6; order < PageBlockShift; order++)
        {
            counts[order] += BitOperations.PopCount(FreeWord.ExactLargeBlocks(full, order));
        }

        for (int word = 0; word < FreeWord.PerPageBlock; word++)
        {
            ulong value = GetWord(number, word);
            for (int order = 0; order < 6 && value != ulong.MaxValue && value != 0; order++)
            {
                counts[order] += FreeWord.CountExact(value, order);
            }
        }
    }

    // What the order mask must be; a wholly free pageblock may be part of a pair.
    private uint ExpectedOrders(in PageBlock block, int number)
    {
        uint orders = FreeWord.OrdersOfPageBlock(block.Summary);
        if (block.Summary != FreeWord.WholePageBlock || (number | 1) >= endBlock || (number & ~1) < firstBlock)
        {
            return orders;
        }

        ref PageBlock buddy = ref blocks[number ^ 1];
        bool isPair = buddy.Summary == FreeWord.WholePageBlock && buddy.ZonePlusOne == zonePlusOne && buddy.Type == block.Type
            && ((block.Orders | buddy.Orders) & PageBlock.PairBit) != 0;
        return !isPair ? orders : (number & 1) == 0 ? PageBlock.PairBit : 0u;
    }

    private void VerifySummary(in PageBlock block, int number, List<Corruption> findings)
    {
        for (int word = 0; word < FreeWord.PerPageBlock; word++)
        {
            uint summary = (uint)((block.Summary >> (word << 3)) & 0xff);
            uint expected = FreeWord.OrdersOf(GetWord(number, word));
            if (summary != expected)
            {
                Add(findings, "the summary of a word of the free map", number, expected, summary);
            }
        }
    }

    private void VerifyTrees(in PageBlock block, int number, List<Corruption> findings)
    {
        int part = PartOf(number);
        for (int type = 0; type < MigrateTypes.Count; type++)
        {
            for (int order = 0; order < Order.Count; order++)
            {
                bool expected = block.Type == type && (block.Orders >> order & 1) != 0;
                if (Tree(part, type, order).Contains(number - FirstBlockOf(part)) != expected)
                {
                    Add(findings, $"the bitmap of order {order}, type {type}", number, expected ? 1UL : 0, expected ? 0UL : 1);
                }
            }
        }
    }

    private void VerifyMasks(int part, uint* seen, List<Corruption> findings)
    {
        for (int type = 0; type < MigrateTypes.Count; type++)
        {
            Compare(findings, $"the orders of type {type}", seen[type], parts[part].TypeOrders[type]);
            for (int order = 0; order < Order.Count; order++)
            {
                if (!Tree(part, type, order).IsConsistent())
                {
                    Add(findings, $"the upper levels of the bitmap of order {order}, type {type}", firstBlock, 0, 1);
                }
            }
        }

        Compare(findings, "the orders of the listed types", seen[0] | seen[1] | seen[2], parts[part].PcpTypeOrders);
    }

    private void Compare(List<Corruption> findings, string what, long expected, long found)
    {
        if (expected != found)
        {
            findings.Add(new Corruption(CorruptionCategory.Counter, what, new Pfn((uint)firstBlock << PageBlockShift).Address, unchecked((ulong)expected), unchecked((ulong)found)));
        }
    }

    private static void Add(List<Corruption> findings, string what, int number, ulong expected, ulong found) =>
        findings.Add(new Corruption(CorruptionCategory.FreeArea, what, new Pfn((uint)number << PageBlockShift).Address, expected, found));
}
