using Engine.Core.PageCache;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using Mmsim.Readahead;
using Xunit;
using Xunit.Sdk;

namespace Engine.PropertyTests.PageCache;

/// <summary>
/// Patterns that a real Linux 6.18 with large folios was recorded with: the same accesses bring in the same folios, in
/// the same order. The bundled fixtures hold the beginning of each pattern.
/// </summary>
public sealed class ReadaheadRecordingTests
{
    private const string Loop = "data/readahead/loop128.readahead.csv.zst";
    private const string Disk = "data/readahead/vda8192.readahead.csv.zst";

    private static readonly ReadaheadReplayOptions LoopDevice = new() { RaPages = 32, IoPages = 320 };
    private static readonly ReadaheadReplayOptions DiskDevice = new() { RaPages = 2048, IoPages = 1024 };

    // mm_filemap_fault events per pattern, from the recordings' summaries.
    private static readonly Dictionary<string, long> LoopFaults = new()
    {
        ["mmap_seq_normal"] = 513,
        ["mmap_rand_normal"] = 760,
        ["mmap_seq_madvrandom"] = 16384,
    };

    private static readonly Dictionary<string, long> DiskFaults = new()
    {
        ["mmap_seq_normal"] = 10,
        ["mmap_rand_normal"] = 11,
        ["mmap_seq_madvrandom"] = 16384,
    };

    [SharedDataFact(Loop)]
    public void Loop_device_with_a_window_of_128_KiB() => Compare(SharedData.Find(Loop)!, LoopDevice, LoopFaults);

    [SharedDataFact(Disk)]
    public void Disk_with_a_window_of_8_MiB() => Compare(SharedData.Find(Disk)!, DiskDevice, DiskFaults);

    [Fact]
    public void Beginnings_with_a_window_of_128_KiB() => Compare(Fixture("loop128.readahead.csv"), LoopDevice, []);

    [Fact]
    public void Beginnings_with_a_window_of_8_MiB() => Compare(Fixture("vda8192.readahead.csv"), DiskDevice, []);

    /// <summary>A window of 25 pages: walks over the index begin inside folios and end at its first page.</summary>
    [Fact]
    public void Beginnings_with_a_window_of_100_KiB() => Compare(Fixture("loop100.readahead.csv"), LoopDevice with { RaPages = 25 }, []);

    /// <summary>The comparison sees a wrong rule: other windows, other folio sizes, another release.</summary>
    [Fact]
    public void A_wrong_rule_is_noticed()
    {
        string path = Fixture("loop128.readahead.csv");
        Assert.Throws<TrueException>(() => Compare(path, LoopDevice with { RaPages = 64 }, []));
        Assert.Throws<TrueException>(() => Compare(path, LoopDevice with { FolioOrderMax = 4 }, []));
        Assert.Throws<TrueException>(() => Compare(path, LoopDevice with { Release = KernelRelease.Linux69 }, []));
    }

    private static string Fixture(string name) =>
        Path.Combine(SharedData.RepositoryRoot, "Engine.PropertyTests", "PageCache", "Fixtures", name);

    private static void Compare(string recording, ReadaheadReplayOptions options, Dictionary<string, long> faults)
    {
        List<string> differences = [];
        foreach (IGrouping<string, RecordedAccess> pattern in RecordingInput.Read(recording).GroupBy(access => access.Pattern))
        {
            using ReadaheadReplay replay = new(ForPattern(options, pattern.Key));
            foreach (RecordedAccess access in pattern)
            {
                IReadOnlyList<AddedFolio> added = replay.Access(access);
                if (!added.SequenceEqual(access.Recorded))
                {
                    differences.Add($"{pattern.Key} access {access.Number} page {access.PageIndex}: "
                        + $"{string.Join(' ', added)}, recorded {string.Join(' ', access.Recorded)}");
                    break;
                }
            }

            Assert.Equal(0, replay.Log.Count);
            if (faults.TryGetValue(pattern.Key, out long expected) && expected != replay.Faults)
            {
                differences.Add($"{pattern.Key}: {replay.Faults} faults, recorded {expected}");
            }
        }

        Assert.True(differences.Count == 0, string.Join(Environment.NewLine, differences));
    }

    // What the recording program did beside the accesses (its name for the pattern says it).
    private static ReadaheadReplayOptions ForPattern(ReadaheadReplayOptions options, string pattern) => options with
    {
        PagesPerAccess = pattern == "seq64k" ? 16u : 1u,
        Descriptors = pattern == "ilv2_twofd" ? 2 : 1,
        Advice = pattern is "seq4k_fadvrandom" or "mmap_seq_madvrandom" ? MmapAdvice.Random : MmapAdvice.Normal,
    };
}
