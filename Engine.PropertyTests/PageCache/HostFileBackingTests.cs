using Engine.Arm64;
using Engine.Arm64.Faults;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.PageCache;
using Engine.Core.Units;
using Engine.PropertyTests.MmsimTests;
using Xunit;

namespace Engine.PropertyTests.PageCache;

/// <summary>Files of the host below the page cache: what is written back, and what the host does to them meanwhile.</summary>
public sealed class HostFileBackingTests
{
    private const int PageBytes = Pfn.PageSizeBytes;

    private static readonly CpuId Cpu = CacheMachine.Cpu;

    [Fact]
    public void What_is_written_back_is_in_the_file_up_to_its_end()
    {
        using TemporaryFolder folder = new();
        string path = Create(folder, PageBytes + 100);
        using CacheMachine machine = new();
        using HostFileBacking backing = new(path, FileAccess.ReadWrite);
        FileMapping file = machine.Open(backing);
        ReadaheadState ra = file.OpenState();
        byte[] read = new byte[2 * PageBytes];
        Assert.Equal(FileIoResult.Done, file.Read(Cpu, ref ra, PageBytes, read, out int count));
        Assert.Equal((100, 1), (count, read[99]));
        Assert.True(file.TryFind(1, out Pfn last));
        Assert.Equal(-1, machine.Memory.GetFrame(last)[100..].IndexOfAnyExcept((byte)0));

        // What a mapping writes behind the end stays out of the file.
        machine.Memory.GetFrame(last).Fill(9);
        file.SetDirty(1);
        Assert.Equal(FileIoResult.Done, file.Sync(Cpu));
        byte[] now = File.ReadAllBytes(path);
        Assert.Equal((PageBytes + 100, 1, 9), (now.Length, now[PageBytes - 1], now[^1]));

        Assert.Equal(FileIoResult.Done, file.Write(Cpu, 3 * PageBytes, [5, 6], out int written));
        Assert.Equal((2, (3 * PageBytes) + 2L), (written, new FileInfo(path).Length));
        Assert.Equal(FileIoResult.Done, file.PunchHole(Cpu, 0, PageBytes));
        Assert.Equal(FileIoResult.Done, file.Sync(Cpu));
        now = File.ReadAllBytes(path);
        Assert.Equal((0, 9, 0, 5, 6), (now[0], now[PageBytes + 99], now[2 * PageBytes], now[^2], now[^1]));
        Assert.Equal(FileIoResult.Done, file.Truncate(Cpu, 10));
        Assert.Equal(10, new FileInfo(path).Length);
    }

    [Fact]
    public void Offsets_beyond_four_gibibytes_reach_their_place()
    {
        using TemporaryFolder folder = new();
        string path = Create(folder, 0);
        const ulong far = (5UL << 30) + 123;
        using CacheMachine machine = new();
        using HostFileBacking backing = new(path, FileAccess.ReadWrite);
        FileMapping file = machine.Open(backing);
        Assert.Equal(FileIoResult.Done, file.Write(Cpu, far, [42], out _));
        Assert.Equal(FileIoResult.Done, file.Sync(Cpu));
        Assert.Equal(1UL, file.CachedPages);
        file.Invalidate(Cpu, 0, ulong.MaxValue);
        ReadaheadState ra = file.OpenState();
        byte[] read = new byte[2];
        Assert.Equal(FileIoResult.Done, file.Read(Cpu, ref ra, far - 1, read, out int count));
        Assert.Equal((2, 0, 42), (count, read[0], read[1]));
        Assert.Equal(FileFaultResult.Minor, file.Fault(Cpu, ref ra, far >> Pfn.PageShift, MmapAdvice.Normal, out _));
        using FileStream stream = File.OpenRead(path);
        Assert.Equal((long)far + 1, stream.Length);
        stream.Position = (long)far;
        Assert.Equal(42, stream.ReadByte());
    }

    // The model's file keeps its length; what the host has cut off reads as zero.
    [Fact]
    public void A_file_that_shrinks_on_the_host_reads_as_zero()
    {
        using TemporaryFolder folder = new();
        string path = Create(folder, 3 * PageBytes);
        using Machine machine = new(new MachineOptions { MemoryBytes = 16 << 20 });
        using HostFileBacking backing = new(path);
        OpenFile file = machine.OpenFile("f", backing);
        Process process = machine.CreateProcess("p");
        Cpu cpu = machine.Cpus[0];
        cpu.SwitchTo(process);
        VirtAddr start = process.Memory.Map(cpu.Id, default, 3 * PageBytes, MemoryProtection.Read, MapFlags.Private, file.ToMappedFile(), 0).Address;
        using (FileStream stream = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            stream.SetLength(PageBytes + 10);
        }

        Assert.Equal(FaultResult.Major, cpu.TryRead(start + PageBytes + 9, out byte kept));
        cpu.TryRead(start + PageBytes + 10, out byte cut);
        Assert.True(cpu.TryRead(start + (2 * PageBytes), out byte gone) <= FaultResult.Major);
        Assert.Equal((1, 0, 0), (kept, cut, gone));
        Assert.Equal(3UL, file.Mapping.LengthPages);
    }

    [Fact]
    public void A_file_that_is_replaced_or_deleted_stays_the_one_that_was_opened()
    {
        using TemporaryFolder folder = new();
        string path = Create(folder, PageBytes);
        using CacheMachine machine = new();
        using HostFileBacking backing = new(path, FileAccess.ReadWrite);
        FileMapping file = machine.Open(backing);
        File.Delete(path);
        File.WriteAllBytes(path, [7, 7, 7]);
        ReadaheadState ra = file.OpenState();
        byte[] read = new byte[PageBytes];
        file.Read(Cpu, ref ra, 0, read, out int count);
        Assert.Equal((PageBytes, 1), (count, read[0]));
        Assert.Equal(FileIoResult.Done, file.Write(Cpu, 0, [3], out _));
        Assert.Equal(FileIoResult.Done, file.Sync(Cpu));
        Assert.Equal([7, 7, 7], File.ReadAllBytes(path));
    }

    [Fact]
    public void A_file_that_may_only_be_read_refuses_what_it_cannot_keep()
    {
        using TemporaryFolder folder = new();
        string path = Create(folder, PageBytes);
        using CacheMachine machine = new();
        using HostFileBacking backing = new(path);
        FileMapping file = machine.Open(backing);
        Assert.Equal(FileIoResult.InputOutputError, file.Write(Cpu, PageBytes - 1, [2, 2], out int written));
        Assert.Equal((0, (ulong)PageBytes, 0UL), (written, file.LengthBytes, file.DirtyPages));
        Assert.Equal(FileIoResult.InputOutputError, file.Truncate(Cpu, 1UL << 40));
        Assert.Equal(FileIoResult.InputOutputError, file.Truncate(Cpu, 0));
        Assert.Equal((ulong)PageBytes, file.LengthBytes);
        Assert.Equal(FileIoResult.Done, file.Write(Cpu, 0, [2], out written));
        Assert.Equal(FileIoResult.InputOutputError, file.Sync(Cpu));
        Assert.Equal(1, File.ReadAllBytes(path)[0]);
        Assert.Empty(machine.Cache.Verify());
    }

    [Fact]
    public void A_length_that_no_file_of_the_host_can_have_is_an_error()
    {
        using TemporaryFolder folder = new();
        string path = Create(folder, PageBytes);
        using CacheMachine machine = new();
        using HostFileBacking backing = new(path, FileAccess.ReadWrite);
        FileMapping file = machine.Open(backing);
        Assert.Equal(FileIoResult.InputOutputError, file.Truncate(Cpu, FileMapping.LengthBytesMax));
        Assert.Equal(FileIoResult.InputOutputError, file.Write(Cpu, FileMapping.LengthBytesMax - 1, [1], out _));
        Assert.Equal(FileIoResult.TooBig, file.Truncate(Cpu, FileMapping.LengthBytesMax + 1));
        Assert.Equal((ulong)PageBytes, file.LengthBytes);
    }

    [Fact]
    public void What_is_no_file_is_refused_with_the_hosts_reason()
    {
        using TemporaryFolder folder = new();
        Assert.Throws<FileNotFoundException>(() => new HostFileBacking(folder.PathOf("none")));
        Assert.Throws<UnauthorizedAccessException>(() => new HostFileBacking(folder.PathOf(".")));
    }

    private static string Create(TemporaryFolder folder, int lengthBytes)
    {
        byte[] content = new byte[lengthBytes];
        content.AsSpan().Fill(1);
        return folder.Write("file", content);
    }
}
