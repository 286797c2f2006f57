using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Core.Units;
using Xunit;

namespace Engine.PropertyTests.PageTables;

/// <summary>Each rule by itself, from the architecture's list.</summary>
public sealed class BreakBeforeMakeTests
{
    private static readonly Descriptor Page = Descriptor.ForPage(new Pfn(0x1230), PageAttributes.UserReadWrite);
    private static readonly Descriptor Block = Descriptor.ForBlock(new Pfn(0x1200), PageAttributes.Kernel);
    private static readonly Descriptor Table = new(0x1234_5003);

    /// <summary>Single bits of a live page: those that may change, and those that may not whatever the CPU supports.</summary>
    [Fact]
    public void Single_bits()
    {
        int[] free = [6, 7, 10, 50, 51, 53, 54, 55, 56, 57, 58];
        for (int bit = 1; bit < 59; bit++)
        {
            Descriptor changed = new(Page.ToUInt64() ^ (1UL << bit));
            bool expected = free.Contains(bit);
            bool isContiguousBit = bit == 52;

            // nG is set in the page: clearing it makes the entry global.
            Assert.Equal(expected, BreakBeforeMake.IsBreakBeforeMakeSafe(Page, changed, 3, BreakBeforeMakeLevel.Level0));
            Assert.Equal(expected || isContiguousBit, BreakBeforeMake.IsBreakBeforeMakeSafe(Page, changed, 3, BreakBeforeMakeLevel.Level1));
            Assert.Equal(expected || isContiguousBit, BreakBeforeMake.IsBreakBeforeMakeSafe(Page, changed, 3, BreakBeforeMakeLevel.Level2));
        }
    }

    [Theory]
    [InlineData(BreakBeforeMakeLevel.Level0)]
    [InlineData(BreakBeforeMakeLevel.Level1)]
    [InlineData(BreakBeforeMakeLevel.Level2)]
    public void Size_and_validity(BreakBeforeMakeLevel support)
    {
        bool sizeMayChange = support == BreakBeforeMakeLevel.Level2;
        Assert.Equal(sizeMayChange, BreakBeforeMake.IsBreakBeforeMakeSafe(Block, Table, 2, support));
        Assert.Equal(sizeMayChange, BreakBeforeMake.IsBreakBeforeMakeSafe(Table, Block, 2, support));
        Assert.True(BreakBeforeMake.IsBreakBeforeMakeSafe(Block, Descriptor.None, 2, support));
        Assert.True(BreakBeforeMake.IsBreakBeforeMakeSafe(Descriptor.None, Table, 2, support));
        Assert.False(BreakBeforeMake.IsBreakBeforeMakeSafe(Table, new Descriptor(Table.ToUInt64() + 4096), 2, support));
        Assert.True(BreakBeforeMake.IsBreakBeforeMakeSafe(Table, new Descriptor(Table.ToUInt64() | (1UL << 59)), 2, support));
    }

    [Fact]
    public void From_global_to_one_address_space_is_safe_the_other_way_is_not()
    {
        Descriptor global = new(Page.ToUInt64() & ~(1UL << 11));
        Assert.True(BreakBeforeMake.IsBreakBeforeMakeSafe(global, Page, 3, BreakBeforeMakeLevel.Level0));
        Assert.False(BreakBeforeMake.IsBreakBeforeMakeSafe(Page, global, 3, BreakBeforeMakeLevel.Level2));
    }
}
