using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.PropertyTests.Support;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.Processes;

/// <summary>The memory system calls against a map from page to what is there, and with arguments of any kind.</summary>
public sealed class MemoryMapTests
{
    private const ulong PageBytes = MemoryMapWorld.PageBytes;

    private static FsCheck.Gen<(MemoryMapCall Call, int Page, int Count, int Other)> Operations =>
        from call in Gen.Choose(0, (int)MemoryMapCall.Touch)
        from page in Gen.Choose(0, MemoryMapWorld.PagesMax - 1)
        from count in Gen.Choose(1, 12)
        from other in Gen.Choose(0, MemoryMapWorld.PagesMax - 1)
        select ((MemoryMapCall)call, page, count, other);

    [Fact]
    public void Calls_equal_a_page_by_page_model() =>
        ModelProperty.Check(Operations, operations => Run(operations, _ => { }), tests: 100, length: 150);

    [Theory]
    [InlineData("flags")]
    [InlineData("offset")]
    [InlineData("count")]
    [InlineData("unmap")]
    public void A_planted_bug_is_caught(string bug) =>
        ModelProperty.MustFail(Operations, operations => Run(operations, world => world.Plant(bug)), tests: 60, length: 150);

    [Fact]
    public void Any_arguments_give_a_value_or_an_errno()
    {
        FsCheck.Gen<ulong> any = from high in Gen.Choose(0, int.MaxValue) from low in Gen.Choose(0, int.MaxValue) select ((ulong)high << 33) ^ (uint)low;
        FsCheck.Gen<ulong> address = Gen.OneOf(
            Gen.Choose(0, MemoryMapWorld.PagesMax * 2).Select(page => MemoryMapWorld.At(page).ToUInt64()),
            Gen.Choose(0, 20).Select(count => (ulong)count * PageBytes),
            Gen.Elements<ulong>(0UL, 1, 4095, 0xffff_ffff_f000, 0x1_0000_0000_0000, 0xffff_ffff_ffff_f000, ulong.MaxValue, 0x8000_0000_0000_0000),
            any);
        FsCheck.Gen<(int Call, ulong A, ulong B, ulong C, int Flags)> calls =
            from call in Gen.Choose(0, 12)
            from a in address
            from b in address
            from c in address
            from flags in Gen.OneOf(Gen.Choose(0, 63), Gen.Choose(int.MinValue, int.MaxValue))
            select (call, a, b, c, flags);
        ModelProperty.Check(calls, Fuzz, tests: 100, length: 200);
    }

    [Fact]
    public void The_limit_of_mappings_is_kept()
    {
        using MemoryMapWorld world = new(new MemoryMapOptions { MapCountMax = 10 });
        Assert.False(world.Map(0, 40, MemoryProtection.Read, MapFlags.Fixed).IsError);
        for (int page = 1; page < 9; page += 2)
        {
            Assert.False(world.Memory.Protect(ArenaFixture.Cpu, MemoryMapWorld.At(page), PageBytes, MemoryProtection.None).IsError);
        }

        Assert.Equal(9, world.Memory.Areas.Count);
        Assert.Equal(Errno.ENOMEM, world.Memory.Protect(ArenaFixture.Cpu, MemoryMapWorld.At(20), PageBytes, MemoryProtection.None).Errno);
        Assert.Equal(Errno.None, world.Memory.Unmap(ArenaFixture.Cpu, MemoryMapWorld.At(30), 10 * PageBytes).Errno);
        Assert.True(world.Memory.Verify(), world.Findings);
    }

    [Fact]
    public void Placement_goes_down_from_the_base_and_keeps_the_guard_gap()
    {
        using MemoryMapWorld world = new(new MemoryMapOptions());
        ulong top = world.Memory.State.MmapBase.ToUInt64();
        Assert.Equal(top - (4 * PageBytes), world.MapAnywhere(4, MapFlags.None));
        Assert.Equal(top - (6 * PageBytes), world.MapAnywhere(2, MapFlags.GrowsDown));
        Assert.Equal(top - ((6 + 256 + 1) * PageBytes), world.MapAnywhere(1, MapFlags.None));
        Assert.Equal(0UL, world.MapAnywhere(1024, MapFlags.None) % MemoryMapOptions.HugePageBytes);
        Assert.NotEqual(0UL, world.MapAnywhere(1025, MapFlags.None) % MemoryMapOptions.HugePageBytes);
    }

    [Fact]
    public void Strict_overcommit_refuses_what_exceeds_the_limit()
    {
        using MemoryMapWorld world = new(new MemoryMapOptions());
        world.Commit.Mode = OvercommitMode.Never;
        int beyond = (int)world.Commit.LimitPages + 1;
        MemoryProtection writable = MemoryProtection.Read | MemoryProtection.Write;
        Assert.Equal(Errno.ENOMEM, world.Map(0, beyond, writable, MapFlags.Fixed).Errno);
        Assert.False(world.Map(0, beyond, MemoryProtection.Read, MapFlags.Fixed).IsError);
        Assert.Equal(Errno.ENOMEM, world.Memory.Protect(ArenaFixture.Cpu, MemoryMapWorld.At(0), (ulong)beyond * PageBytes, writable).Errno);
        Assert.Equal(0, world.Commit.CommittedPages);
    }

    // The order in which do_mprotect_pkey judges: a hole before what no VMA can do.
    [Fact]
    public void Growing_up_is_refused_where_something_is_mapped()
    {
        using MemoryMapWorld world = new(new MemoryMapOptions());
        world.Map(10, 2, MemoryProtection.Read, MapFlags.Fixed);
        const MemoryProtection up = MemoryProtection.Read | MemoryProtection.GrowsUp;
        Assert.Equal(Errno.EINVAL, world.Memory.Protect(ArenaFixture.Cpu, MemoryMapWorld.At(10), PageBytes, up).Errno);
        Assert.Equal(Errno.ENOMEM, world.Memory.Protect(ArenaFixture.Cpu, MemoryMapWorld.At(9), 2 * PageBytes, up).Errno);
        Assert.Equal(Errno.ENOMEM, world.Memory.Protect(ArenaFixture.Cpu, MemoryMapWorld.At(20), PageBytes, up).Errno);
        Assert.Equal(Errno.EINVAL, world.Memory.Protect(ArenaFixture.Cpu, MemoryMapWorld.At(20), PageBytes, up | MemoryProtection.GrowsDown).Errno);
    }

    // The formula of __vm_enough_memory, with what may be set by hand.
    [Fact]
    public void Strict_overcommit_keeps_the_reserves_that_are_set()
    {
        using MemoryMapWorld world = new(new MemoryMapOptions());
        CommitAccounting commit = world.Commit;
        commit.Mode = OvercommitMode.Never;
        commit.SwapPages = 100;
        Assert.Equal((commit.TotalPages / 2) + 100, commit.LimitPages);
        commit.FixedPages = 1000;
        Assert.Equal(1100UL, commit.LimitPages);

        // (the user's reserve, the administrator's, pages the process has, whether it is the administrator's): what is promised stays below this
        foreach ((ulong user, ulong admin, ulong own, bool isAdmin, ulong bound) in new[]
        {
            (0UL, 0UL, 0UL, false, 1100UL), (0UL, 0UL, 3200UL, false, 1100UL), (0UL, 30UL, 0UL, true, 1100UL), (0UL, 30UL, 0UL, false, 1070UL),
            (50UL, 30UL, 3200UL, false, 1020UL), (50UL, 30UL, 320UL, true, 1090UL),
        })
        {
            commit.SetReserves(user, admin);
            Assert.False(commit.TryCharge(ArenaFixture.Cpu, bound, isAdmin, own));
            Assert.True(commit.TryCharge(ArenaFixture.Cpu, bound - 1, isAdmin, own));
            commit.Uncharge(ArenaFixture.Cpu, bound - 1);
        }

        Assert.Equal(0, commit.CommittedPages);
    }

    private static void Run(IReadOnlyList<(MemoryMapCall Call, int Page, int Count, int Other)> operations, Action<MemoryMapWorld> plant)
    {
        using MemoryMapWorld world = new(new MemoryMapOptions());
        foreach ((MemoryMapCall call, int page, int count, int other) in operations)
        {
            world.Apply(call, page, count, other);
            plant(world);
            world.Compare();
        }
    }

    private static void Fuzz(IReadOnlyList<(int Call, ulong A, ulong B, ulong C, int Flags)> calls)
    {
        using MemoryMapWorld world = new(new MemoryMapOptions { MapCountMax = 40 });
        MemoryMap memory = world.Memory;
        foreach ((int call, ulong a, ulong b, ulong c, int flags) in calls)
        {
            VirtAddr address = new(a);
            SyscallResult result = call switch
            {
                0 or 1 or 2 => memory.Map(
                    ArenaFixture.Cpu, address, b, (MemoryProtection)(flags & 7), (MapFlags)(flags ^ 0x30), new MappedFile(1, MappedFileModes.ReadWrite), c),
                3 => memory.Unmap(ArenaFixture.Cpu, address, b),
                4 => memory.Protect(ArenaFixture.Cpu, address, b, (MemoryProtection)flags),
                5 => memory.Remap(ArenaFixture.Cpu, address, b, c, (RemapFlags)flags, new VirtAddr(c)),
                6 => memory.Advise(ArenaFixture.Cpu, address, b, (MemoryAdvice)flags),
                7 => memory.Lock(ArenaFixture.Cpu, address, b, (flags & 1) != 0),
                8 => memory.Unlock(ArenaFixture.Cpu, address, b),
                9 => memory.Break(ArenaFixture.Cpu, address),
                10 => memory.Sync(ArenaFixture.Cpu, address, b, (SyncFlags)flags),
                11 => memory.QueryResident(ArenaFixture.Cpu, address, b, new byte[64]),
                _ => memory.LockAll(ArenaFixture.Cpu, (LockFlags)flags),
            };
            Assert.True(!result.IsError || Enum.IsDefined(result.Errno));
        }

        Assert.True(memory.Verify(), world.Findings);
    }
}
