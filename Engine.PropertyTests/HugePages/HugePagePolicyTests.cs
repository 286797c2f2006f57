using Engine.Arm64;
using Engine.Arm64.HugePages;
using Engine.Arm64.Processes;
using Xunit;

namespace Engine.PropertyTests.HugePages;

/// <summary>The settings of transparent huge pages, as sysfs shows and takes them.</summary>
public sealed class HugePagePolicyTests
{
    [Fact]
    public void Settings_read_as_sysfs_prints_them()
    {
        using Machine machine = new(new MachineOptions { MemoryBytes = 16 << 20 });
        HugePagePolicy policy = machine.HugePages;
        Assert.Equal("always [madvise] never\n", policy.Read("enabled"));
        Assert.Equal("always defer defer+madvise [madvise] never\n", policy.Read("defrag"));
        Assert.Equal("always inherit madvise [never]\n", policy.Read("hugepages-64kB/enabled"));
        Assert.Equal("always [inherit] madvise never\n", policy.Read("hugepages-2048kB/enabled"));
        Assert.Equal("2097152\n", policy.Read("hpage_pmd_size"));
        Assert.Null(policy.Read("hugepages-8kB/enabled"));
        Assert.True(policy.TryWrite("hugepages-64kB/enabled", "always\n"));
        Assert.Equal(HugePageMode.Always, policy[4]);
        Assert.False(policy.TryWrite("enabled", "inherit"));
        Assert.False(policy.TryWrite("enabled", "sometimes"));
        Assert.True(policy.TryWrite("defrag", "defer+madvise"));
        Assert.Equal("always defer [defer+madvise] madvise never\n", policy.Read("defrag"));
    }

    [Theory]
    [InlineData(HugePageMode.Never, HugePageMode.Inherit, false, false)]
    [InlineData(HugePageMode.Madvise, HugePageMode.Inherit, false, true)]
    [InlineData(HugePageMode.Always, HugePageMode.Inherit, true, true)]
    [InlineData(HugePageMode.Never, HugePageMode.Always, true, true)]
    [InlineData(HugePageMode.Never, HugePageMode.Madvise, false, true)]
    [InlineData(HugePageMode.Always, HugePageMode.Never, false, false)]
    public void A_size_is_used_where_its_setting_says(HugePageMode all, HugePageMode size, bool plain, bool advised)
    {
        using Machine machine = new(new MachineOptions
        {
            MemoryBytes = 16 << 20,
            HugePages = new HugePageOptions { Enabled = all, Sizes = new Dictionary<int, HugePageMode> { [4] = size, [9] = HugePageMode.Never } },
        });
        Assert.Equal(plain ? 1u << 4 : 0, machine.HugePages.OrdersFor(VmFlags.None, isDisabled: false));
        Assert.Equal(advised ? 1u << 4 : 0, machine.HugePages.OrdersFor(VmFlags.HugePage, isDisabled: false));
        Assert.Equal(0u, machine.HugePages.OrdersFor(VmFlags.NoHugePage, isDisabled: false));
        Assert.Equal(0u, machine.HugePages.OrdersFor(VmFlags.HugePage, isDisabled: true));
    }
}
