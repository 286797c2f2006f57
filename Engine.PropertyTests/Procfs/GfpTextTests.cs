using Engine.Core.Diagnostics.Procfs;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.Procfs;

/// <summary>Allocation flags as the kernel prints them.</summary>
public sealed class GfpTextTests
{
    [Theory]
    [InlineData(0x0u, "none")]
    [InlineData(0xcc0u, "GFP_KERNEL")]
    [InlineData(0x400cc0u, "GFP_KERNEL_ACCOUNT")]
    [InlineData(0x100ccau, "GFP_HIGHUSER_MOVABLE")]
    [InlineData(0x140dcau, "GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO")]
    [InlineData(0x2800u, "GFP_NOWAIT")]
    [InlineData(0x820u, "GFP_ATOMIC")]
    [InlineData(0xc40u, "GFP_NOFS")]
    [InlineData(0x50u, "__GFP_IO|__GFP_RECLAIMABLE")]
    [InlineData(0x1u, "GFP_DMA")]
    [InlineData(0x400u, "__GFP_DIRECT_RECLAIM")]
    [InlineData(0xcc0u | 0x80000000u, "GFP_KERNEL|0x80000000")]
    public void Flags_are_printed_greedily_in_the_order_of_the_table(uint flags, string text)
    {
        Assert.Equal(text, GfpText.Format((GfpFlags)flags));
        Assert.True(GfpText.TryParse(text, out GfpFlags parsed, out _));
        Assert.Equal((GfpFlags)flags, parsed);
    }

    [Fact]
    public void What_is_printed_reads_back() => ModelProperty.Check(Gen.Choose(0, int.MaxValue), values => ReadBack(values, text => text));

    [Fact]
    public void A_name_that_is_lost_is_caught() =>
        ModelProperty.MustFail(Gen.Choose(0, int.MaxValue), values => ReadBack(values, text => text.Replace("|__GFP_ZERO", "", StringComparison.Ordinal)));

    private static void ReadBack(IReadOnlyList<int> values, Func<string, string> damage)
    {
        foreach (int value in values)
        {
            string text = damage(GfpText.Format((GfpFlags)value));
            Assert.True(GfpText.TryParse(text, out GfpFlags parsed, out string? wrong), wrong);
            Assert.Equal((GfpFlags)value, parsed);
        }
    }

    [Theory]
    [InlineData("GFP_NOFS|__GFP_HIGHMEM|__GFP_MOVABLE|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP|__GFP_HARDWALL", 0x152c4au)]
    [InlineData("GFP_KERNEL|__GFP_NO_OBJ_EXT", 0xcc0u)]
    [InlineData("GFP_TEMPORARY", 0x0u)]
    public void Other_orders_and_other_kernels_names_are_read(string text, uint flags)
    {
        Assert.True(GfpText.TryParse(text, out GfpFlags parsed, out _));
        Assert.Equal((GfpFlags)flags, parsed);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("GFP_KERNEL|", "")]
    [InlineData("GFP_KERNEL|gfp", "gfp")]
    [InlineData("0x123456789", "0x123456789")]
    public void Anything_else_is_refused(string text, string wrong)
    {
        Assert.False(GfpText.TryParse(text, out _, out string? found));
        Assert.Equal(wrong, found);
    }
}
