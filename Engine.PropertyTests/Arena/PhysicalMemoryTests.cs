using System.Runtime.InteropServices;
using Engine.Core.Arena;
using Engine.Core.Units;
using Mmsim.Fuzz;
using Xunit;

namespace Engine.PropertyTests.Arena;

/// <summary>The short check of structures in RAM against the full one, and what is done to whole frames.</summary>
public sealed class PhysicalMemoryTests
{
    private const ulong BankBytes = 2UL << 20;

    [Theory]
    [InlineData(0UL)]
    [InlineData(0x4000_0000UL)]
    public void A_window_holds_what_lies_aligned_in_the_first_bank(ulong start)
    {
        using PhysicalMemory memory = new(new MemoryBank(new PhysAddr(start), BankBytes), new MemoryBank(new PhysAddr(start + (3 * BankBytes)), BankBytes));
        SplitMix64 random = new(1);
        foreach (int size in new[] { 8, 64, 128, 256, 4096 })
        {
            StructureWindow window = new(memory, size);
            ulong[] edges = [0, start, start + BankBytes, start + BankBytes - (ulong)size, start + (3 * BankBytes), ulong.MaxValue, 1UL << 63];
            foreach (ulong edge in edges)
            {
                for (int offset = -24; offset <= 24; offset++)
                {
                    CompareWindow(memory, window, unchecked(edge + (ulong)offset), size, start);
                }
            }

            for (int i = 0; i < 2000; i++)
            {
                CompareWindow(memory, window, start + (random.Next() % (4 * BankBytes)), size, start);
            }
        }
    }

    [Fact]
    public void A_window_is_for_structures_of_a_frame_at_most()
    {
        using PhysicalMemory memory = new(new MemoryBank(default, BankBytes));
        Assert.Throws<ArgumentOutOfRangeException>(() => new StructureWindow(memory, Pfn.PageSizeBytes + 1));
    }

    [Fact]
    public void A_frame_is_copied_whole_and_nothing_beside_it()
    {
        using PhysicalMemory memory = new(new MemoryBank(default, BankBytes));
        SplitMix64 random = new(2);
        foreach (ref ulong word in MemoryMarshal.Cast<byte, ulong>(memory.GetSpan(default, (int)BankBytes)))
        {
            word = random.Next();
        }

        byte[] expected = memory.GetSpan(default, (int)BankBytes).ToArray();
        foreach ((uint from, uint to) in new[] { (3u, 7u), (7u, 3u), (5u, 5u), (511u, 0u), (510u, 511u) })
        {
            memory.CopyFrame(new Pfn(from), new Pfn(to));
            expected.AsSpan((int)from * Pfn.PageSizeBytes, Pfn.PageSizeBytes).CopyTo(expected.AsSpan((int)to * Pfn.PageSizeBytes));
            Assert.True(memory.GetSpan(default, (int)BankBytes).SequenceEqual(expected));
        }
    }

    [Fact]
    public void A_frame_outside_ram_is_not_copied_and_may_be_fetched()
    {
        using PhysicalMemory memory = new(new MemoryBank(default, BankBytes));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.CopyFrame(new Pfn(512), new Pfn(0)));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.CopyFrame(new Pfn(0), new Pfn(uint.MaxValue)));
        memory.PrefetchFrame(new Pfn(uint.MaxValue), Pfn.PageSizeBytes);
    }

    private static void CompareWindow(PhysicalMemory memory, StructureWindow window, ulong address, int size, ulong start)
    {
        bool isExpected = address % 8 == 0 && address < start + (2 * BankBytes) && memory.Contains(new PhysAddr(address), (ulong)size);
        Assert.Equal(isExpected, window.Holds(address));
    }
}
