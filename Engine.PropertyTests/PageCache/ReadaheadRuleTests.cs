using Engine.Core.PageCache;
using Engine.Core.Units;
using Mmsim.Readahead;
using Xunit;

namespace Engine.PropertyTests.PageCache;

/// <summary>Readahead windows worked out by hand from the rules of each release.</summary>
public sealed class ReadaheadRuleTests
{
    private static readonly ReadaheadReplayOptions Linux69 = new() { Release = KernelRelease.Linux69, FolioOrderMax = 0 };
    private static readonly ReadaheadReplayOptions Linux618 = new() { FolioOrderMax = 0 };

    /// <summary>get_init_ra_size: at most a 32nd of the window times 4, at most a quarter times 2, else the window.</summary>
    [Theory]
    [InlineData(1, 4)]
    [InlineData(2, 4)]
    [InlineData(3, 8)]
    [InlineData(5, 16)]
    [InlineData(8, 16)]
    [InlineData(9, 32)]
    [InlineData(16, 32)]
    public void The_first_window(int requestPages, int windowPages)
    {
        foreach (ReadaheadReplayOptions options in new[] { Linux69, Linux618 })
        {
            using ReadaheadReplay replay = new(options with { PagesPerAccess = (uint)requestPages });
            Assert.Equal(windowPages, replay.Access(Read(0)).Sum(folio => (int)folio.PageCount));
        }
    }

    [Fact]
    public void Sequential_pages_of_69_double_until_the_window_is_full()
    {
        using ReadaheadReplay replay = new(Linux69);
        Assert.Equal("0:0-3 1:4-11 4:12-27 12:28-59 28:60-91 60:92-123 92:124-155", Ranges(replay, 0, 100));
    }

    [Fact]
    public void Sequential_pages_of_618_end_windows_at_multiples_of_the_folio_to_come()
    {
        using ReadaheadReplay replay = new(Linux618 with { FolioOrderMax = 9 });
        Assert.Equal("0:0-3 1:4-11 4:12-15 12:16-23 16:24-31 24:32-47 32:48-63 48:64-95 64:96-127 96:128-159", Ranges(replay, 0, 100));
    }

    [Fact]
    public void Sequential_pages_of_69_with_large_folios_grow_by_two_orders_from_the_folio_that_was_hit()
    {
        using ReadaheadReplay replay = new(Linux69 with { FolioOrderMax = 9 });
        List<string> seen = [];
        for (ulong page = 0; page < 20; page++)
        {
            seen.AddRange(replay.Access(Read(page)).Select(folio => $"{page}:{folio.FirstPage}+{folio.PageCount}"));
        }

        Assert.Equal(
            ["0:0+4", "4:4+4", "4:8+4", "4:12+4", "4:16+4", "4:20+4", "4:24+4", "12:28+4", "12:32+16", "12:48+8", "12:56+4"],
            seen);
    }

    [Theory]
    [InlineData(KernelRelease.Linux69)]
    [InlineData(KernelRelease.Linux618)]
    public void A_lone_page_is_read_alone_and_its_neighbours_make_a_stream(KernelRelease release)
    {
        using ReadaheadReplay replay = new(Linux69 with { Release = release });
        Assert.Equal("5000:5000-5000", Ranges(replay, 5000, 1));
        Assert.Equal("9000:9000-9000", Ranges(replay, 9000, 1));
        Assert.Equal("9001:9001-9004", Ranges(replay, 9001, 1));
    }

    [Theory]
    [InlineData(KernelRelease.Linux69)]
    [InlineData(KernelRelease.Linux618)]
    public void A_run_in_the_cache_is_taken_for_the_trace_of_a_stream(KernelRelease release)
    {
        using ReadaheadReplay replay = new(Linux69 with { Release = release, Descriptors = 2 });
        Assert.Equal("5000:5000-5000", Ranges(replay, 5000, 1));
        Assert.Equal("5001:5001-5001", Ranges(replay, 5001, 1));
        Assert.Equal("9000:9000-9000", Ranges(replay, 9000, 1));

        // The other descriptor comes to page 5002: two cached pages before it are more than the one that is asked for.
        Assert.Equal("7000:7000-7000", Ranges(replay, 7000, 1));
        Assert.Equal("5002:5002-5004", Ranges(replay, 5002, 1));
    }

    [Fact]
    public void Advice_changes_the_window()
    {
        using ReadaheadReplay random = new(Linux618 with { Advice = MmapAdvice.Random });
        Assert.Equal("0:0-0 1:1-1 2:2-2", Ranges(random, 0, 3));
        using ReadaheadReplay sequential = new(Linux618 with { Advice = MmapAdvice.Sequential, PagesPerAccess = 32 });
        Assert.Equal("0:0-63", Ranges(sequential, 0, 1));
        using ReadaheadReplay none = new(Linux618 with { RaPages = 0 });
        Assert.Equal("0:0-0 1:1-1 2:2-2", Ranges(none, 0, 3));
    }

    [Fact]
    public void A_window_ends_with_the_file()
    {
        using ReadaheadReplay replay = new(Linux618 with { FilePages = 11, FolioOrderMax = 9 });
        Assert.Equal("0:0-3 1:4-10", Ranges(replay, 0, 11));
    }

    [Fact]
    public void Mapped_misses_read_around_while_fault_around_finds_pages()
    {
        using ReadaheadReplay replay = new(Linux618 with { FilePages = 1 << 20 });
        int around = 0;
        for (ulong i = 1; i <= 250; i++)
        {
            // Each touch is alone in its window; the 16 pages that fault-around then maps pay for it again.
            IReadOnlyList<AddedFolio> added = replay.Access(Touch(i * 4000));
            around += added.Count == 32 ? 1 : 0;
            Assert.Equal((i * 4000) - 16, added[0].FirstPage);
        }

        Assert.Equal(250, around);
    }

    private static RecordedAccess Read(ulong page) => new("test", (long)page, AccessMethod.Read, page, 1);

    private static RecordedAccess Touch(ulong page) => new("test", (long)page, AccessMethod.Touch, page, 1);

    // Reads pages one by one; gives page:first-last for each that brings some in.
    private static string Ranges(ReadaheadReplay replay, ulong firstPage, int count)
    {
        List<string> seen = [];
        for (ulong page = firstPage; page < firstPage + (ulong)count; page++)
        {
            IReadOnlyList<AddedFolio> added = replay.Access(Read(page));
            if (added.Count > 0)
            {
                seen.Add($"{page}:{added[0].FirstPage}-{added[^1].FirstPage + added[^1].PageCount - 1}");
            }
        }

        return string.Join(' ', seen);
    }
}
