using Engine.Arm64;
using Engine.Arm64.Faults;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Units;
using Engine.PropertyTests.Exec;
using Engine.PropertyTests.Procfs;
using Xunit;

namespace Engine.PropertyTests.Processes;

/// <summary>clone, vfork and prctl.</summary>
public sealed class CloneTests
{
    private const ulong PageBytes = Pfn.PageSizeBytes;
    private const MapFlags PrivateAnonymous = MapFlags.Private | MapFlags.Anonymous;

    // dup_mmap charges accounted VMAs once more, whether their pages are copied or not.
    [Fact]
    public void A_child_is_promised_the_memory_of_its_parent_once_more()
    {
        using ViewWorld world = new();
        CommitAccounting commit = world.Machine.Commit;
        world.Map(world.First, 10, ViewWorld.ReadWrite, PrivateAnonymous);
        world.Map(world.First, 20, ViewWorld.ReadWrite, PrivateAnonymous | MapFlags.NoReserve);
        world.Map(world.First, 40, MemoryProtection.Read, PrivateAnonymous);
        Assert.Equal(10, commit.CommittedPages);
        Process child = world.First.Fork(world.Cpu, "child")!;
        Assert.Equal(20, commit.CommittedPages);
        child.Exit(world.Cpu);
        Assert.Equal(10, commit.CommittedPages);

        commit.Mode = OvercommitMode.Never;
        commit.SetReserves(0, 0);
        commit.FixedPages = 20;
        Assert.Equal(Errno.ENOMEM, world.First.Clone(world.Cpu, "child", CloneFlags.None, out _).Errno);
        Assert.Equal((10, 1), (commit.CommittedPages, world.Machine.Processes.Count(process => process.Name is "first" or "child")));
        commit.FixedPages = 21;
        Assert.False(world.First.Clone(world.Cpu, "child", CloneFlags.None, out _).IsError);
        Assert.Equal(20, commit.CommittedPages);
    }

    [Fact]
    public void Shared_memory_is_one_memory_until_the_last_leaves()
    {
        using ViewWorld world = new();
        Process first = world.First;
        VirtAddr page = world.Map(first, 1, ViewWorld.ReadWrite, PrivateAnonymous);
        Assert.Equal(2ul, first.Clone(world.Cpu, "second", CloneFlags.Vm, out Process? second).Value);
        Assert.Same(first.Memory, second!.Memory);
        Assert.Equal((2, 1), (first.Memory.State.UserCount, second.ParentPid));
        world.Touch(second, page, isWrite: true);
        Assert.Equal((1ul, 0ul), (second.Faults.Minor, first.Faults.Minor));
        world.Run(first);
        Assert.Equal(FaultResult.Minor, world.Machine.Cpus[0].TryRead(page, out byte seen));
        Assert.Equal(7, seen);
        Assert.Equal(world.Read("1/smaps"), world.Read("2/smaps"));
        Assert.Equal(4ul, world.SmapsOf(second, page).Values["Private_Dirty"]);

        // The maker ends first: the other goes on, its mappings found through it now.
        first.Exit(world.Cpu);
        world.Run(second);
        Assert.Equal(1, second.Memory.State.UserCount);
        world.Touch(second, page, isWrite: true);
        VirtAddr file = world.Map(second, 1, MemoryProtection.Read, MapFlags.Private, world.Disk);
        world.Touch(second, file, isWrite: false);
        Assert.Equal(Core.PageCache.FileIoResult.Done, world.Disk.Mapping.Truncate(world.Cpu, 0));
        Assert.Equal(FaultResult.BusAdrErr, world.Machine.Cpus[0].TryRead(file, out _));
        second.Exit(world.Cpu);
        Assert.Equal(0, world.Machine.Log.Count);
        Assert.Equal(0, world.Machine.Commit.CommittedPages);
    }

    [Fact]
    public void A_corrupt_count_of_users_is_reported_and_contained()
    {
        using ViewWorld world = new();
        VirtAddr page = world.Map(world.First, 1, ViewWorld.ReadWrite, PrivateAnonymous);
        world.Touch(world.First, page, isWrite: true);
        world.First.Clone(world.Cpu, "second", CloneFlags.Vm, out Process? second);
        Process bystander = world.Machine.CreateProcess("bystander");
        second!.Memory.State.UserCount = 1;
        world.First.Exit(world.Cpu);
        world.Run(second);
        _ = world.Machine.Cpus[0].TryWrite(page, 1);
        second.Exit(world.Cpu);
        Assert.True(world.Machine.Log.Count > 0);
        Assert.Same(bystander, Assert.Single(world.Machine.Processes));
        VirtAddr own = world.Map(bystander, 1, ViewWorld.ReadWrite, PrivateAnonymous);
        world.Touch(bystander, own, isWrite: true);
        Assert.True(bystander.Memory.Verify());
    }

    [Fact]
    public void Vfork_lends_the_memory_until_exec()
    {
        using ExecWorld world = new();
        Process parent = world.Process;
        VirtAddr page = parent.Memory.Map(world.Cpu, default, PageBytes, MemoryProtection.Read | MemoryProtection.Write, PrivateAnonymous, MappedFile.None, 0).Address;
        Assert.False(parent.Vfork(world.Cpu, "child", out Process? child).IsError);
        Assert.Same(child, parent.VforkChild);
        world.Machine.Cpus[0].SwitchTo(child!);
        Assert.Equal(FaultResult.Minor, world.Machine.Cpus[0].TryWrite(page, 9));
        Assert.Equal(Errno.None, child!.Exec(world.Cpu, world.Add("/usr/bin/demo", ElfBuilder.Usual().Build())).Errno);
        Assert.Null(parent.VforkChild);
        Assert.NotSame(parent.Memory, child.Memory);
        Assert.NotEqual(parent.Asid, child.Asid);
        Assert.Equal(FaultResult.SegvMapErr, world.Machine.Cpus[0].TryRead(page, out _));
        world.Machine.Cpus[0].SwitchTo(parent);
        Assert.Equal(FaultResult.Minor, world.Machine.Cpus[0].TryRead(page, out byte seen));
        Assert.Equal((9, 1), (seen, parent.Memory.State.UserCount));
        Assert.False(parent.Vfork(world.Cpu, "other", out Process? other).IsError);
        other!.Exit(world.Cpu);
        Assert.Null(parent.VforkChild);
        Assert.Equal(FaultResult.Minor, world.Machine.Cpus[0].TryRead(page, out _));
        world.Verify();
    }

    [Theory]
    [InlineData(CloneFlags.SigHand)]
    [InlineData(CloneFlags.Thread | CloneFlags.Vm)]
    [InlineData(CloneFlags.NewNs | CloneFlags.Fs)]
    [InlineData(CloneFlags.NewUser | CloneFlags.Fs)]
    public void Flags_that_do_not_go_together_are_refused(CloneFlags flags)
    {
        using ViewWorld world = new();
        Assert.Equal(Errno.EINVAL, world.First.Clone(world.Cpu, "child", flags, out Process? child).Errno);
        Assert.Null(child);
        Assert.Single(world.Machine.Processes);
    }

    [Fact]
    public void Limits_go_to_the_child_and_are_its_own()
    {
        using ViewWorld world = new();
        world.First.Memory.Limits.DataBytes = 5 * PageBytes;
        Process child = world.First.Fork(world.Cpu, "child")!;
        Assert.Equal(5 * PageBytes, child.Memory.Limits.DataBytes);
        child.Memory.Limits.DataBytes = 1;
        Assert.Equal(5 * PageBytes, world.First.Memory.Limits.DataBytes);
    }

    [Fact]
    public void Names_split_and_merge_and_bad_ones_are_refused()
    {
        using ViewWorld world = new();
        Process process = world.First;
        VirtAddr pages = world.Map(process, 6, ViewWorld.ReadWrite, PrivateAnonymous);
        VirtAddr text = world.Map(process, 1, ViewWorld.ReadWrite, PrivateAnonymous);
        SyscallResult Name(VirtAddr at, ulong length, VirtAddr name) =>
            process.Prctl(world.Cpu, PrctlOption.SetArea, 0, at.ToUInt64(), length, name.ToUInt64());

        VirtAddr Put(string name)
        {
            world.Run(process);
            for (int i = 0; i <= name.Length; i++)
            {
                world.Machine.Cpus[0].TryWrite(text + (ulong)i, i < name.Length ? (byte)name[i] : (byte)0);
            }

            return text;
        }

        Assert.Equal(Errno.None, Name(pages + (2 * PageBytes), 2 * PageBytes, Put("middle")).Errno);
        Assert.Contains(ProcReader.Parse(world.Read("1/maps")), entry => entry.Name == "[anon:middle]" && entry.End - entry.Start == 2 * PageBytes);
        Assert.Equal(Errno.None, Name(pages + PageBytes, PageBytes + 1, Put("middle")).Errno);
        Assert.Contains(ProcReader.Parse(world.Read("1/maps")), entry => entry.Name == "[anon:middle]" && entry.End - entry.Start == 3 * PageBytes);
        Assert.Contains("[anon:middle]", world.Read($"{process.Fork(world.Cpu, "child")!.Pid}/maps"), StringComparison.Ordinal);
        Assert.Equal(Errno.None, Name(pages, 6 * PageBytes, default).Errno);
        Assert.DoesNotContain("[anon:", world.Read("1/maps"), StringComparison.Ordinal);
        Assert.Equal(Errno.EINVAL, Name(pages, PageBytes, Put("a[b]")).Errno);
        Assert.Equal(Errno.EINVAL, Name(pages, PageBytes, Put(new string('x', 80))).Errno);
        Assert.Equal(Errno.None, Name(pages, PageBytes, Put(new string('x', 79))).Errno);
        Assert.Equal(Errno.EFAULT, Name(pages, PageBytes, new VirtAddr(0x5000)).Errno);
        Assert.Equal(Errno.EINVAL, Name(pages + 1, PageBytes, Put("a")).Errno);
        Assert.Equal(Errno.ENOMEM, Name(new VirtAddr(0x10000), PageBytes, Put("a")).Errno);
        Assert.Equal(Errno.EBADF, Name(world.Map(process, 1, MemoryProtection.Read, MapFlags.Private, world.Disk), PageBytes, Put("a")).Errno);
        Assert.Equal(Errno.EINVAL, process.Prctl(world.Cpu, PrctlOption.SetArea, 1, 0, 0, 0).Errno);
        Assert.True(process.Memory.Verify());
    }

    [Fact]
    public void Bounds_and_huge_pages_are_set_by_prctl()
    {
        using ExecWorld world = new();
        Process process = world.Process;
        Assert.Equal(Errno.None, process.Exec(world.Cpu, world.Add("/usr/bin/demo", ElfBuilder.Usual().Build())).Errno);
        ulong start = process.Memory.State.ArgStart.ToUInt64();
        SyscallResult Set(PrctlMemoryField field, ulong value, ulong arg4 = 0) => process.Prctl(world.Cpu, PrctlOption.SetMemory, (ulong)field, value, arg4, 0);

        Assert.Equal(Errno.None, Set(PrctlMemoryField.ArgEnd, start + 3).Errno);
        Assert.Equal(start + 3, process.Memory.State.ArgEnd.ToUInt64());
        Assert.Equal(Errno.EINVAL, Set(PrctlMemoryField.ArgEnd, start - 3).Errno);
        Assert.Equal(Errno.EINVAL, Set(PrctlMemoryField.Brk, 100).Errno);
        Assert.Equal(Errno.EINVAL, Set((PrctlMemoryField)99, start).Errno);
        Assert.Equal(Errno.EINVAL, Set(PrctlMemoryField.ArgEnd, start, arg4: 1).Errno);
        Assert.Equal(Errno.EFAULT, Set(PrctlMemoryField.AuxiliaryVector, 0x5000, 16).Errno);
        Assert.Equal(Errno.EINVAL, Set(PrctlMemoryField.AuxiliaryVector, start, 401).Errno);
        Assert.Equal(Errno.None, Set(PrctlMemoryField.AuxiliaryVector, start, 0).Errno);
        Assert.Equal(16, process.AuxiliaryVector.Length);
        process.Memory.Limits.IsAdmin = false;
        Assert.Equal(Errno.EPERM, Set(PrctlMemoryField.ArgEnd, start + 3).Errno);

        ulong Disabled() => process.Prctl(world.Cpu, PrctlOption.GetThpDisable, 0, 0, 0, 0).Value;
        Assert.Equal(0ul, Disabled());
        Assert.Equal(Errno.EINVAL, process.Prctl(world.Cpu, PrctlOption.SetThpDisable, 1, 1, 0, 0).Errno);
        Assert.Equal(Errno.None, process.Prctl(world.Cpu, PrctlOption.SetThpDisable, 5, 0, 0, 0).Errno);
        Assert.Equal(1ul, Disabled());
        Assert.Equal(Errno.None, process.Exec(world.Cpu, world.Machine.Files.TryFind("/usr/bin/demo")!).Errno);
        Assert.Equal(1ul, Disabled());
        Assert.Equal(Errno.EINVAL, process.Prctl(world.Cpu, PrctlOption.GetThpDisable, 1, 0, 0, 0).Errno);
        Assert.Equal(Errno.EINVAL, process.Prctl(world.Cpu, (PrctlOption)1, 0, 0, 0, 0).Errno);
    }
}
