// The page cache against the plainest model there is: a file is an array of bytes.
//
// Random reads, writes, mapped reads and writes, truncations, holes, syncs and evictions go to three files at once:
// one with a backing and single pages, one with a backing and large folios, one of shmem. After each operation the
// cache's own invariants hold; every byte that is read is the model's; after a sync the backing holds the model's bytes.

using Engine.Core.PageCache;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.PageCache;

public sealed class FileCacheProperties
{
    private const int PagesMax = 80;
    private static readonly CpuId Cpu = CacheMachine.Cpu;

    public enum Bug
    {
        None,
        MappedWriteIsNotMarked,
        EvictionTakesDirtyPages,
        HoleLeavesCachedPages,
    }

    public enum Kind
    {
        Read,
        Write,
        Fault,
        MappedWrite,
        Truncate,
        Punch,
        Sync,
        SyncSome,
        DontNeed,
        Invalidate,
        WillNeed,
        Reopen,
    }

    public sealed record Step(Kind Kind, int File, int Offset, int Length, byte Value);

    private static readonly Gen<Step> Steps =
        from kind in Gen.Elements(Enum.GetValues<Kind>().Concat([Kind.Read, Kind.Write, Kind.MappedWrite, Kind.Fault]).ToArray())
        from file in Gen.Choose(0, 2)
        from offset in Gen.OneOf(Gen.Choose(0, PagesMax * 4096), Gen.Choose(0, PagesMax).Select(page => page * 4096))
        from length in Gen.OneOf(Gen.Choose(0, 9000), Gen.Choose(0, 40).Select(pages => pages * 4096))
        from value in Gen.Choose(1, 255)
        select new Step(kind, file, offset, length, (byte)value);

    [Theory]
    [InlineData(KernelRelease.Linux69)]
    [InlineData(KernelRelease.Linux618)]
    public void Files_are_arrays_of_bytes(KernelRelease release) =>
        ModelProperty.Check(Steps, steps => Run(steps, release, BackingBug.None, Bug.None), tests: 60, length: 80, Simpler);

    [Theory]
    [InlineData(BackingBug.WrongPageIsRead)]
    [InlineData(BackingBug.WriteIsLost)]
    [InlineData(BackingBug.TailSurvivesTruncation)]
    [InlineData(BackingBug.HoleIsNotPunched)]
    public void Catches_a_backing_with(BackingBug bug) =>
        ModelProperty.MustFail(Steps, steps => Run(steps, KernelRelease.Linux69, bug, Bug.None), tests: 200, length: 80);

    [Theory]
    [InlineData(Bug.MappedWriteIsNotMarked)]
    [InlineData(Bug.EvictionTakesDirtyPages)]
    [InlineData(Bug.HoleLeavesCachedPages)]
    public void Catches_a_cache_with(Bug bug) =>
        ModelProperty.MustFail(Steps, steps => Run(steps, KernelRelease.Linux69, BackingBug.None, bug), tests: 200, length: 80);

    [Fact]
    public void No_frame_is_lost()
    {
        Step[] steps = [.. Steps.ArrayOf(120).Sample(6).SelectMany(sequence => sequence)];
        using CacheMachine machine = new();
        ulong[] free = new ulong[3];
        for (int round = 0; round < free.Length; round++)
        {
            ModelFile[] files = OpenAll(machine, BackingBug.None);
            foreach (Step step in steps)
            {
                Apply(machine, files[step.File], step, Bug.None);
            }

            foreach (ModelFile file in files)
            {
                machine.Cache.Close(Cpu, file.Mapping);
            }

            free[round] = machine.FreePages();
        }

        // The first round leaves slabs behind, which later rounds use again.
        Assert.Equal(free[1], free[2]);
        Assert.Empty(machine.Pages.Verify());
    }

    private static IEnumerable<Step> Simpler(Step step)
    {
        if (step.Length > 4096)
        {
            yield return step with { Length = 4096 };
        }

        if (step.Offset % 4096 != 0)
        {
            yield return step with { Offset = step.Offset / 4096 * 4096 };
        }

        if (step.Offset > 0)
        {
            yield return step with { Offset = 0 };
        }
    }

    private static ModelFile[] OpenAll(CacheMachine machine, BackingBug bug)
    {
        const int Length = (60 * 4096) + 100;
        ModelFile[] files =
        [
            new(new FaultyBacking(new SynthesizedBacking(5, Length), bug), 0),
            new(new FaultyBacking(new SynthesizedBacking(6, Length), bug), 9),
            new(new ShmemBacking(Length), 0),
        ];
        foreach (ModelFile file in files)
        {
            file.Open(machine);
        }

        return files;
    }

    private static void Run(IReadOnlyList<Step> steps, KernelRelease release, BackingBug backingBug, Bug bug)
    {
        using CacheMachine machine = new(release, 32UL << 20);
        ModelFile[] files = OpenAll(machine, backingBug);
        foreach (Step step in steps)
        {
            Apply(machine, files[step.File], step, bug);
            Assert.Empty(files[step.File].Mapping.Verify(out _));
        }

        foreach (ModelFile file in files)
        {
            file.CheckRead(0, PagesMax * 4096);
            file.SyncAndCheckBacking();
        }

        Assert.Empty(machine.Cache.Verify());
        Assert.Empty(machine.Log.Items);
    }

    private static void Apply(CacheMachine machine, ModelFile file, Step step, Bug bug)
    {
        FileMapping mapping = file.Mapping;
        ulong offset = (ulong)step.Offset;
        ulong length = (ulong)step.Length;
        switch (step.Kind)
        {
            case Kind.Read:
                file.CheckRead(step.Offset, step.Length);
                break;
            case Kind.Write:
                file.Write(step.Offset, step.Length, step.Value);
                break;
            case Kind.Fault:
                file.CheckFault(machine, step.Offset);
                break;
            case Kind.MappedWrite:
                file.MappedWrite(machine, step.Offset, step.Value, isMarked: bug != Bug.MappedWriteIsNotMarked);
                break;
            case Kind.Truncate:
                Assert.Equal(FileIoResult.Done, mapping.Truncate(Cpu, offset));
                file.Resize(step.Offset);
                break;
            case Kind.Punch:
                if (bug != Bug.HoleLeavesCachedPages)
                {
                    Assert.Equal(FileIoResult.Done, mapping.PunchHole(Cpu, offset, length));
                }

                file.Zero(step.Offset, step.Length);
                break;
            case Kind.Sync:
                file.SyncAndCheckBacking();
                break;
            case Kind.SyncSome:
                ulong dirty = mapping.DirtyPages;
                Assert.Equal(FileIoResult.Done, mapping.WriteSome(Cpu, length / 4096, out ulong written));
                Assert.Equal(dirty - written, mapping.DirtyPages);
                break;
            case Kind.DontNeed:
                file.DontNeed(offset, length);
                break;
            case Kind.Invalidate:
                file.Invalidate(offset >> 12, (offset + length) >> 12, bug == Bug.EvictionTakesDirtyPages ? machine : null);
                break;
            case Kind.WillNeed:
                mapping.Advise(Cpu, ref file.Readahead, FileAdvice.WillNeed, offset, Math.Max(length, 1));
                break;
            case Kind.Reopen:
                file.Reopen(machine);
                break;
        }
    }
}
