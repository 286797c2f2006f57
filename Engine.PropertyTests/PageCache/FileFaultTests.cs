using System.Runtime.InteropServices;
using Engine.Core.PageCache;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using Xunit;

namespace Engine.PropertyTests.PageCache;

public sealed class FileFaultTests
{
    private static readonly CpuId Cpu = CacheMachine.Cpu;

    [Fact]
    public void A_missing_page_is_major_with_the_files_bytes_and_then_minor()
    {
        using CacheMachine machine = new();
        FileMapping file = machine.Open(new SynthesizedBacking(7, 1 << 20));
        ReadaheadState ra = file.OpenState();

        Assert.Equal(FileFaultResult.Major, file.Fault(Cpu, ref ra, 100, MmapAdvice.Normal, out Pfn first));
        Assert.Equal(32UL, file.CachedPages);
        Assert.Equal(FileFaultResult.Minor, file.Fault(Cpu, ref ra, 100, MmapAdvice.Normal, out Pfn again));
        Assert.Equal(first, again);
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(machine.Memory.GetFrame(first));
        Assert.Equal(SynthesizedBacking.WordAt(7, 100 * 512), words[0]);
        Assert.Equal(SynthesizedBacking.WordAt(7, (100 * 512) + 511), words[511]);
        Assert.Equal(file, machine.Cache.MappingOf(first));
        Assert.Equal(1, machine.Frames[first].RefCount);
    }

    [Fact]
    public void A_page_beyond_the_end_is_a_bus_error()
    {
        using CacheMachine machine = new();
        FileMapping file = machine.Open(new MemoryBacking(5000));
        ReadaheadState ra = file.OpenState();
        Assert.Equal(FileFaultResult.Major, file.Fault(Cpu, ref ra, 1, MmapAdvice.Normal, out _));
        Assert.Equal(FileFaultResult.BeyondEnd, file.Fault(Cpu, ref ra, 2, MmapAdvice.Normal, out Pfn none));
        Assert.Equal(Pfn.None, none);
    }

    // What a mapping sees behind the end of the file, in its last page (truncate_inode_partial_folio).
    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    public void The_rest_of_the_last_page_is_zero_after_truncation(int folioOrderMax)
    {
        using CacheMachine machine = new();
        FileMapping file = machine.Open(new SynthesizedBacking(7, 1 << 20), folioOrderMax);
        ReadaheadState ra = file.OpenState();
        file.Fault(Cpu, ref ra, 5, MmapAdvice.Normal, out Pfn page);
        Assert.Equal(FileIoResult.Done, file.Truncate(Cpu, (5 << 12) + 100));
        Assert.True(file.TryFind(5, out Pfn now));
        Assert.Equal(page, now);
        ReadOnlySpan<byte> bytes = machine.Memory.GetFrame(page);
        Assert.Equal((-1, true), (bytes[100..].IndexOfAnyExcept((byte)0), bytes[..100].ContainsAnyExcept((byte)0)));
        Assert.False(file.TryFind(6, out _));
    }

    [Fact]
    public void Shmem_is_zero_filled_without_input_and_stays_when_not_needed()
    {
        using CacheMachine machine = new();
        FileMapping file = machine.Open(new ShmemBacking(1 << 20));
        ReadaheadState ra = file.OpenState();
        Assert.Equal(FileFaultResult.Minor, file.Fault(Cpu, ref ra, 9, MmapAdvice.Normal, out Pfn page));
        Assert.Equal(-1, machine.Memory.GetFrame(page).IndexOfAnyExcept((byte)0));
        file.Advise(Cpu, ref ra, FileAdvice.DontNeed, 0, 0);
        Assert.Equal(0UL, file.Invalidate(Cpu, 0, 255));
        Assert.Equal(1UL, machine.Cache.ShmemPages);
    }

    [Fact]
    public void A_backing_that_cannot_be_read_is_an_input_error()
    {
        using CacheMachine machine = new();
        FileMapping file = machine.Open(new BrokenBacking());
        ReadaheadState ra = file.OpenState();
        Assert.Equal(FileFaultResult.InputError, file.Fault(Cpu, ref ra, 0, MmapAdvice.Normal, out _));
        Assert.Equal(FileIoResult.InputOutputError, file.Read(Cpu, ref ra, 0, new byte[10], out int read));
        Assert.Equal(0, read);
        Assert.Equal(FileIoResult.Done, file.Write(Cpu, 8192, new byte[4096], out _));
        Assert.Equal(FileIoResult.InputOutputError, file.Sync(Cpu));
    }

    [Theory]
    [InlineData(KernelRelease.Linux69, 0)]
    [InlineData(KernelRelease.Linux618, 9)]
    public void Faults_allocate_nothing_on_the_host(KernelRelease release, int folioOrderMax)
    {
        using CacheMachine machine = new(release);
        FileMapping file = machine.Open(new SynthesizedBacking(1, 16 << 20), folioOrderMax);
        Pfn[] pages = new Pfn[512];
        long least = HostAllocations.LeastOf(() =>
        {
            file.Invalidate(Cpu, 0, 4095);
            ReadaheadState ra = file.OpenState();
            TouchAll(file, ref ra, pages, 0, 4096);
        });
        Assert.Equal(0, least);
        Assert.Equal(4096UL, file.CachedPages);
    }

    [Fact]
    public void Out_of_memory_is_a_result_and_all_comes_back()
    {
        using CacheMachine machine = new(KernelRelease.Linux618, 4UL << 20);
        FileMapping file = machine.Open(new SynthesizedBacking(1, 32 << 20), 9);
        ReadaheadState ra = file.OpenState();
        FileFaultResult result = FileFaultResult.Minor;
        ulong page = 0;
        for (; page < 8192 && result != FileFaultResult.OutOfMemory; page++)
        {
            result = file.Fault(Cpu, ref ra, page, MmapAdvice.Normal, out _);
        }

        Assert.Equal(FileFaultResult.OutOfMemory, result);
        Assert.Empty(machine.Cache.Verify());
        Assert.True(file.CachedPages >= page - 1);
        Assert.Equal(file.CachedPages, file.Invalidate(Cpu, 0, ulong.MaxValue));
        Assert.Equal(0, machine.Log.Count);
    }

    private static void TouchAll(FileMapping file, ref ReadaheadState ra, Pfn[] pages, ulong first, ulong end)
    {
        for (ulong page = first; page < end; page++)
        {
            ulong table = page & ~511UL;
            file.MapAround(ref ra, new FaultAroundWindow(page & ~15UL, page | 15, table, table + 511, true), pages);
            file.Fault(Cpu, ref ra, page, MmapAdvice.Normal, out _);
        }
    }
}
