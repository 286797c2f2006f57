using Engine.Arm64;
using Engine.Arm64.HugePages;
using Engine.Core.PageCache;
using Engine.Core.Units;
using Xunit;

namespace Engine.PropertyTests.HugePages;

/// <summary>The settings of shared memory's huge pages.</summary>
public sealed class ShmemHugePolicyTests
{
    private const uint Huge = 1u << 9;
    private const uint AllSizes = (1u << 10) - 2;
    private static readonly CpuId Cpu = new(0);

    [Fact]
    public void Sysfs_shows_and_takes_what_linux_does()
    {
        using Machine machine = new(new MachineOptions { MemoryBytes = 64 << 20, Release = KernelRelease.Linux618 });
        HugePagePolicy policy = machine.HugePages;
        Assert.Equal("always within_size advise [never] deny force\n", policy.Read("shmem_enabled"));
        Assert.Equal("always [inherit] within_size advise never\n", policy.Read("hugepages-2048kB/shmem_enabled"));
        Assert.Equal("always inherit within_size advise [never]\n", policy.Read("hugepages-8kB/shmem_enabled"));
        Assert.Null(policy.Read("hugepages-8kB/enabled"));
        Assert.True(policy.TryWrite("shmem_enabled", "within_size\n"));
        Assert.True(policy.TryWrite("hugepages-64kB/shmem_enabled", "advise"));
        Assert.Equal((ShmemHugeMode.WithinSize, ShmemHugeMode.Advise), (policy.Shmem.Enabled, policy.Shmem[4]));
        Assert.False(policy.TryWrite("shmem_enabled", "inherit"));
        Assert.False(policy.TryWrite("shmem_enabled", "madvise"));
        Assert.False(policy.TryWrite("hugepages-64kB/shmem_enabled", "deny"));
        Assert.False(policy.TryWrite("hugepages-4kB/shmem_enabled", "always"));
    }

    [Fact]
    public void What_is_forced_no_other_size_inherits()
    {
        using Machine machine = new(new MachineOptions { MemoryBytes = 64 << 20, Release = KernelRelease.Linux618 });
        HugePagePolicy policy = machine.HugePages;
        Assert.True(policy.TryWrite("shmem_enabled", "force"));
        Assert.False(policy.TryWrite("hugepages-64kB/shmem_enabled", "inherit"));
        Assert.True(policy.TryWrite("hugepages-2048kB/shmem_enabled", "inherit"));
        Assert.True(policy.TryWrite("shmem_enabled", "never"));
        Assert.True(policy.TryWrite("hugepages-64kB/shmem_enabled", "inherit"));
        Assert.False(policy.TryWrite("shmem_enabled", "force"));
    }

    [Fact]
    public void Linux_6_9_has_no_settings_of_sizes()
    {
        using Machine machine = new(new MachineOptions { MemoryBytes = 64 << 20, Release = KernelRelease.Linux69 });
        Assert.NotNull(machine.HugePages.Read("shmem_enabled"));
        Assert.Null(machine.HugePages.Read("hugepages-64kB/shmem_enabled"));
        Assert.False(machine.HugePages.TryWrite("hugepages-64kB/shmem_enabled", "always"));
    }

    [Theory]
    [InlineData(ShmemHugeMode.Never, KernelRelease.Linux618, 0u, 0u)]
    [InlineData(ShmemHugeMode.Always, KernelRelease.Linux618, AllSizes, AllSizes)]
    [InlineData(ShmemHugeMode.WithinSize, KernelRelease.Linux618, AllSizes, AllSizes & ((1u << 7) - 1))]
    [InlineData(ShmemHugeMode.Advise, KernelRelease.Linux618, 0u, 0u)]
    [InlineData(ShmemHugeMode.Force, KernelRelease.Linux618, Huge, Huge)]
    [InlineData(ShmemHugeMode.Deny, KernelRelease.Linux618, 0u, 0u)]
    [InlineData(ShmemHugeMode.Always, KernelRelease.Linux69, Huge, Huge)]
    [InlineData(ShmemHugeMode.WithinSize, KernelRelease.Linux69, Huge, 0u)]
    public void Writes_follow_the_setting_for_all_sizes(ShmemHugeMode mode, KernelRelease release, uint atStart, uint nearEnd)
    {
        using Machine machine = new(new MachineOptions { MemoryBytes = 64 << 20, Release = release });
        FileMapping file = machine.OpenFile("shm", new ShmemBacking(600 << Pfn.PageShift)).Mapping;
        machine.HugePages.Shmem.Enabled = mode;
        Assert.Equal(atStart, machine.HugePages.Shmem.OrdersForWrite(file, 5, 6 << Pfn.PageShift));
        Assert.Equal(nearEnd, machine.HugePages.Shmem.OrdersForWrite(file, 520, 521 << Pfn.PageShift));

        Assert.Equal(FileIoResult.Done, file.Write(Cpu, 5 << Pfn.PageShift, [1], out _));
        Assert.Equal(atStart == 0 ? 1ul : 512ul, file.CachedPages);
        Assert.Empty(machine.PageCache.Verify());
    }
}
