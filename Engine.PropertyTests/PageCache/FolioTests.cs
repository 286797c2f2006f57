using Engine.Core.PageCache;
using Engine.Core.Units;
using Xunit;

namespace Engine.PropertyTests.PageCache;

/// <summary>Large folios, eviction and the calls to page tables, case by case.</summary>
public sealed class FolioTests
{
    private static readonly CpuId Cpu = CacheMachine.Cpu;

    /// <summary>Order 4 at page 16, cut before page 21: single pages in Linux 6.9, halves around page 21 in 6.18.</summary>
    [Theory]
    [InlineData(KernelRelease.Linux69, "16+1 17+1 18+1 19+1 20+1")]
    [InlineData(KernelRelease.Linux618, "16+4 20+1")]
    public void Truncation_splits_the_folio_that_it_cuts(KernelRelease release, string expected)
    {
        using CacheMachine machine = new(release);
        RecordingReverseMap map = new();
        machine.Cache.ReverseMap = map;
        FileMapping file = machine.Open(new MemoryBacking(64 << 12), 9);
        Write(file, 16, 16);
        Assert.Equal("16+16", Folios(file));

        Assert.Equal(FileIoResult.Done, file.Truncate(Cpu, (20 << 12) + 100));
        Assert.Equal(expected, Folios(file));
        Assert.Equal(5UL, file.DirtyPages);
        Assert.Contains((21UL, 43UL, true), map.Unmapped);
        Assert.Contains((16UL, 16UL, false), map.Unmapped);
        Assert.Empty(machine.Cache.Verify());
        machine.Cache.Close(Cpu, file);
        Assert.Empty(machine.Pages.Verify());
        Assert.Equal(0, machine.Log.Count);
    }

    [Fact]
    public void A_hole_in_a_folio_leaves_both_sides()
    {
        using CacheMachine machine = new(KernelRelease.Linux618);
        FileMapping file = machine.Open(new MemoryBacking(64 << 12), 9);
        Write(file, 0, 64);
        Assert.Equal(FileIoResult.Done, file.PunchHole(Cpu, 10 << 12, 20 << 12));
        Assert.Equal("0+8 8+2 30+1 31+1 32+32", Folios(file));
        ReadaheadState ra = file.OpenState();
        byte[] all = new byte[64 << 12];
        Assert.Equal(FileIoResult.Done, file.Read(Cpu, ref ra, 0, all, out int read));
        Assert.Equal(all.Length, read);
        Assert.Equal(44, all.Chunk(4096).Count(page => page.All(value => value == 0x5a)));
        Assert.Equal(20, all.Chunk(4096).Count(page => page.All(value => value == 0)));
        Assert.Empty(machine.Cache.Verify());
    }

    [Fact]
    public void A_folio_with_a_foreign_reference_is_neither_split_nor_evicted()
    {
        using CacheMachine machine = new(KernelRelease.Linux618);
        FileMapping file = machine.Open(new MemoryBacking(16 << 12), 9);
        Write(file, 0, 16);
        Assert.True(file.TryFind(3, out Pfn page));
        machine.Cache.Get(page);
        Assert.Equal(FileIoResult.Done, file.Sync(Cpu));
        Assert.Equal(0UL, file.Invalidate(Cpu, 0, 15));

        // It is clean, so a cut takes it as a whole; the one who holds it keeps its bytes.
        Assert.Equal(FileIoResult.Done, file.Truncate(Cpu, 5 << 12));
        Assert.Equal("", Folios(file));
        Assert.Equal(0x5a, machine.Memory.GetFrame(page)[0]);
        ulong free = machine.FreePages();
        machine.Cache.Put(Cpu, page);
        Assert.Equal(free + 16, machine.FreePages());
        Assert.Equal(0, machine.Log.Count);
    }

    [Fact]
    public void DontNeed_writes_dirty_pages_and_drops_the_others()
    {
        using CacheMachine machine = new();
        FileMapping file = machine.Open(new MemoryBacking(64 << 12));
        ReadaheadState ra = file.OpenState();
        file.Advise(Cpu, ref ra, FileAdvice.WillNeed, 0, 32 << 12);
        Write(file, 4, 2);
        Assert.Equal(32UL, file.CachedPages);
        file.Advise(Cpu, ref ra, FileAdvice.DontNeed, 0, 0);
        Assert.Equal("4+1 5+1", Folios(file));
        Assert.Equal(0UL, file.DirtyPages);
        file.Advise(Cpu, ref ra, FileAdvice.DontNeed, 0, 0);
        Assert.Equal("", Folios(file));
    }

    [Fact]
    public void DontNeed_spares_a_page_that_the_range_covers_in_part()
    {
        using CacheMachine machine = new();
        FileMapping file = machine.Open(new MemoryBacking((9 << 12) + 50));
        ReadaheadState ra = file.OpenState();
        file.Advise(Cpu, ref ra, FileAdvice.WillNeed, 0, 10 << 12);
        file.Advise(Cpu, ref ra, FileAdvice.DontNeed, (2 << 12) + 1, (3 << 12) + 5);
        Assert.Equal("0+1 1+1 2+1 5+1 6+1 7+1 8+1 9+1", Folios(file));

        // The end of the file counts as the end of its page.
        file.Advise(Cpu, ref ra, FileAdvice.DontNeed, 8 << 12, (1 << 12) + 50);
        Assert.Equal("0+1 1+1 2+1 5+1 6+1 7+1", Folios(file));
    }

    [Fact]
    public void Write_back_cleans_page_tables_and_goes_round()
    {
        using CacheMachine machine = new();
        RecordingReverseMap map = new();
        machine.Cache.ReverseMap = map;
        FileMapping file = machine.Open(new MemoryBacking(64 << 12));
        Write(file, 0, 10);
        Assert.Equal(FileIoResult.Done, file.WriteSome(Cpu, 4, out ulong written));
        Assert.Equal(4UL, written);
        Write(file, 0, 1);
        Assert.Equal(FileIoResult.Done, file.WriteSome(Cpu, 6, out written));
        Assert.Equal(6UL, written);
        Assert.True(file.IsDirty(0));
        Assert.Equal(FileIoResult.Done, file.WriteSome(Cpu, 6, out written));
        Assert.Equal(1UL, written);
        Assert.Equal(11, map.Cleaned.Count);
    }

    [Fact]
    public void Fault_around_of_618_maps_large_folios_whole_and_69_only_the_window()
    {
        foreach ((KernelRelease release, int mapped, ulong first) in new[] { (KernelRelease.Linux69, 16, 32UL), (KernelRelease.Linux618, 32, 32UL) })
        {
            using CacheMachine machine = new(release);
            FileMapping file = machine.Open(new MemoryBacking(512 << 12), 9);
            Write(file, 32, 32);
            ReadaheadState ra = file.OpenState();
            ra.MmapMiss = 40;
            Pfn[] pages = new Pfn[512];
            FaultAroundResult found = file.MapAround(ref ra, new FaultAroundWindow(32, 47, 0, 511, true), pages);
            Assert.Equal((first, mapped, mapped), (found.First, found.Count, found.Mappable));
            Assert.Equal(40u - (uint)mapped, ra.MmapMiss);
            Assert.True(file.TryFind(40, out Pfn page));
            Assert.Equal(page, pages[40]);
        }
    }

    [Fact]
    public void Executable_memory_is_read_in_64_KiB_folios_from_617_on()
    {
        using CacheMachine machine = new(KernelRelease.Linux618);
        FileMapping file = machine.Open(new MemoryBacking(512 << 12), 9);
        ReadaheadState ra = file.OpenState();
        Assert.Equal(FileFaultResult.Major, file.Fault(Cpu, ref ra, new FileFaultRequest(37, MmapAdvice.Executable, 20, 60, FileFaultWaiting.InPlace), out _));
        Assert.Equal("32+16 48+8 56+4", Folios(file));
    }

    private static void Write(FileMapping file, int firstPage, int pages)
    {
        byte[] bytes = new byte[pages << 12];
        bytes.AsSpan().Fill(0x5a);
        Assert.Equal(FileIoResult.Done, file.Write(Cpu, (ulong)firstPage << 12, bytes, out int written));
        Assert.Equal(bytes.Length, written);
    }

    private static string Folios(FileMapping file)
    {
        List<string> found = [];
        for (ulong page = 0; page < 600;)
        {
            bool isThere = file.TryFindFolio(page, out CachedFolio folio);
            if (isThere)
            {
                found.Add($"{folio.FirstPage}+{folio.Order.PageCount}");
            }

            page = isThere ? folio.NextPage : page + 1;
        }

        return string.Join(' ', found);
    }
}
