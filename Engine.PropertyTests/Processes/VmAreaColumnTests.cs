using Engine.Arm64.Processes;
using Mmsim.Fuzz;
using Xunit;

namespace Engine.PropertyTests.Processes;

/// <summary>The columns of a VMA tree's node, moved as vectors, against lists.</summary>
public sealed unsafe class VmAreaColumnTests
{
    [Fact]
    public void A_word_comes_in_at_every_slot()
    {
        SplitMix64 random = new(1);
        for (int slot = 0; slot < VmAreaNode.SlotCount; slot++)
        {
            VmAreaNode node = Fill(random);
            List<ulong> expected = Words(ref node.Extents);
            expected.Insert(slot, 42);
            expected.RemoveAt(VmAreaNode.SlotCount);
            List<ulong> starts = Words(ref node.Starts);
            List<ulong> targets = Words(ref node.Targets);
            VmAreaColumn.Insert(&node.Extents, slot, 42);
            Assert.Equal(expected, Words(ref node.Extents));
            Assert.Equal(starts, Words(ref node.Starts));
            Assert.Equal(targets, Words(ref node.Targets));
        }
    }

    [Fact]
    public void One_or_two_words_go_from_every_slot()
    {
        SplitMix64 random = new(2);
        for (int slot = 0; slot < VmAreaNode.SlotCount; slot++)
        {
            for (int count = 1; count <= Math.Min(2, VmAreaNode.SlotCount - slot); count++)
            {
                VmAreaNode node = Fill(random);
                List<ulong> expected = Words(ref node.Targets);
                expected.RemoveRange(slot, count);
                List<ulong> extents = Words(ref node.Extents);
                VmAreaColumn.Remove(&node.Targets, slot, count);
                Assert.Equal(expected, Words(ref node.Targets)[..(VmAreaNode.SlotCount - count)]);
                Assert.Equal(extents, Words(ref node.Extents));
            }
        }
    }

    [Fact]
    public void Words_above_a_bound_and_gaps_of_a_length_are_found()
    {
        SplitMix64 random = new(3);
        for (int round = 0; round < 500; round++)
        {
            // Small numbers meet; large ones show whether compares have a sign.
            VmAreaNode node = Fill(random, round % 2 == 0 ? 8 : ulong.MaxValue);
            ulong bound = random.Next() % (round % 2 == 0 ? 8 : ulong.MaxValue);
            ulong length = Math.Max(1, bound / 2);
            uint above = 0;
            uint fits = 0;
            for (int i = 0; i < VmAreaNode.SlotCount; i++)
            {
                ulong end = i == 0 ? node.Floor : node.Extents[i - 1];
                above |= node.Starts[i] > bound ? 1u << i : 0;
                fits |= node.Starts[i] > end && node.Starts[i] - end >= length ? 1u << i : 0;
            }

            Assert.Equal(above, VmAreaColumn.Above(&node.Starts, bound));
            Assert.Equal(fits, VmAreaColumn.GapsOfAtLeast(&node, length));
        }
    }

    private static VmAreaNode Fill(SplitMix64 random, ulong max = ulong.MaxValue)
    {
        VmAreaNode node = new() { Floor = random.Next() % max };
        for (int i = 0; i < VmAreaNode.SlotCount; i++)
        {
            node.Starts[i] = random.Next() % max;
            node.Extents[i] = random.Next() % max;
            node.Targets[i] = random.Next() % max;
        }

        return node;
    }

    private static List<ulong> Words(ref VmAreaNodeSlots column)
    {
        List<ulong> words = [];
        foreach (ulong word in column)
        {
            words.Add(word);
        }

        return words;
    }
}
