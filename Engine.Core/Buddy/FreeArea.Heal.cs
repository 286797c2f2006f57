// What happens when the bitmaps contradict each other. They are read from simulated memory, so any bit may have flipped.
// A contradiction is reported, and the redundant level above is recomputed from the level below; the allocation then looks
// again. Each repair removes the contradiction that led to it, so a search cannot go on for ever.

using System.Runtime.CompilerServices;

namespace Engine.Core.Buddy;

/// <content>Repairs.</content>
internal sealed unsafe partial class FreeArea
{
    // A tree names a pageblock that has no such block, or leads nowhere.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void HealTree(int type, int order, int bit)
    {
        BlockTree tree = Tree(type, order);
        uint pfn = (uint)(firstBlock + Math.Max(bit, 0)) << PageBlockShift;
        Report("free area bitmap names a pageblock without such a block", pfn, 0, 1);
        if (bit >= 0)
        {
            _ = tree.Assign(bit, 0);
        }

        uint mask = state->TypeOrders[type];
        SetTypeOrders(type, tree.Rebuild() ? mask & ~(1u << order) : mask | (1u << order));
    }

    // A pageblock's order mask or summary promises a block that its map does not have.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private int Heal(int number, int word = -1)
    {
        ref PageBlock block = ref blocks[number];
        uint pfn = (uint)number << PageBlockShift;
        Report("free map disagrees with its summary", pfn, FreeWord.OrdersOfPageBlock(block.Summary), block.Orders);
        if (word >= 0)
        {
            SetWord(ref block, number, word, GetWord(number, word));
        }

        if ((block.Orders & PageBlock.PairBit) != 0 && (number | 1) < endBlock)
        {
            SetOrders(ref block, number, 0);
            ref PageBlock second = ref blocks[number | 1];
            SetOrders(ref second, number | 1, FreeWord.OrdersOfPageBlock(second.Summary));
        }

        SetOrders(ref block, number, FreeWord.OrdersOfPageBlock(block.Summary));
        return 0;
    }
}
