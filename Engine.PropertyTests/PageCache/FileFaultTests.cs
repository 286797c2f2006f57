using System.Runtime.InteropServices;
using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.PageCache;
using Engine.Core.Units;
using Xunit;

namespace Engine.PropertyTests.PageCache;

public sealed class FileFaultTests
{
    private static readonly CpuId Cpu = new(0);

    [Fact]
    public void A_missing_page_is_major_with_the_files_bytes_and_then_minor()
    {
        using PhysicalMemory memory = new(new MemoryBank(new PhysAddr(0x4000_0000), 64UL << 20));
        FileCache cache = Boot(memory);
        FileMapping file = cache.Open(Cpu, new SynthesizedBacking(7, 1 << 20))!;
        ReadaheadState ra = ReadaheadState.ForFile();

        Assert.Equal(FileFaultResult.Major, file.Fault(Cpu, ref ra, 100, MmapAdvice.Normal, out Pfn first));
        Assert.Equal(32UL, file.CachedPages);
        Assert.Equal(FileFaultResult.Minor, file.Fault(Cpu, ref ra, 100, MmapAdvice.Normal, out Pfn again));
        Assert.Equal(first, again);
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(memory.GetFrame(first));
        Assert.Equal(SynthesizedBacking.WordAt(7, 100 * 512), words[0]);
        Assert.Equal(SynthesizedBacking.WordAt(7, (100 * 512) + 511), words[511]);
        Assert.Equal(file, cache.MappingOf(first));
        Assert.Equal(1, cache.Pages.Frames[first].RefCount);
    }

    [Fact]
    public void A_page_beyond_the_end_is_a_bus_error()
    {
        using PhysicalMemory memory = new(new MemoryBank(new PhysAddr(0x4000_0000), 64UL << 20));
        FileMapping file = Boot(memory).Open(Cpu, new MemoryBacking(5000))!;
        ReadaheadState ra = ReadaheadState.ForFile();
        Assert.Equal(FileFaultResult.Major, file.Fault(Cpu, ref ra, 1, MmapAdvice.Normal, out _));
        Assert.Equal(FileFaultResult.BeyondEnd, file.Fault(Cpu, ref ra, 2, MmapAdvice.Normal, out Pfn none));
        Assert.Equal(Pfn.None, none);
    }

    [Fact]
    public void Shmem_is_zero_filled_without_input()
    {
        using PhysicalMemory memory = new(new MemoryBank(new PhysAddr(0x4000_0000), 64UL << 20));
        FileMapping file = Boot(memory).Open(Cpu, new ShmemBacking(1 << 20))!;
        ReadaheadState ra = ReadaheadState.ForFile();
        Assert.Equal(FileFaultResult.Minor, file.Fault(Cpu, ref ra, 9, MmapAdvice.Normal, out Pfn page));
        Assert.Equal(1UL, file.CachedPages);
        Assert.Equal(-1, memory.GetFrame(page).IndexOfAnyExcept((byte)0));
    }

    private static FileCache Boot(PhysicalMemory memory)
    {
        MemoryLayout layout = new(memory);
        FrameTable frames = new(memory, layout);
        return new FileCache(new PageAllocator(memory, layout, frames, new CorruptionLog(), new PageAllocatorOptions()));
    }
}
