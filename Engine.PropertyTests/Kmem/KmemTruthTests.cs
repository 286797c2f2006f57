using System.Formats.Tar;
using System.Globalization;
using Engine.Core.Diagnostics.Procfs;
using Engine.Core.Zones;
using Engine.PropertyTests.Support;
using Mmsim.Cli;
using Mmsim.Kmem;
using Xunit;

namespace Engine.PropertyTests.Kmem;

/// <summary>Recorded traces of a real kernel against the counts of an independent program.</summary>
public sealed class KmemTruthTests
{
    // What this tool does not count: who acted.
    private static readonly string[] Uncounted = ["top_comm", "extfrag"];

    [SharedDataFact("data/kmem")]
    public void Every_recorded_trace_counts_as_counted()
    {
        string[] truths = Directory.GetFiles(SharedData.Find("data/kmem")!, "*.truth.csv");
        Assert.NotEmpty(truths);
        foreach (string truthPath in truths)
        {
            KmemTrace trace = KmemTrace.Read(truthPath.Replace(".truth.csv", ".ftrace.txt.zst", StringComparison.Ordinal));
            SortedDictionary<string, string> counted = Count(trace);
            SortedDictionary<string, string> expected = new(StringComparer.Ordinal);
            foreach (string[] fields in File.ReadLines(truthPath).Skip(1).Select(line => line.Split(',')))
            {
                if (!Uncounted.Contains(fields[0]))
                {
                    expected.Add($"{fields[0]},{fields[1]}", fields[2]);
                }
            }

            Assert.Equal(expected, counted);
        }
    }

    [SharedDataFact("data/kmem")]
    public void A_replay_of_a_recorded_trace_is_sound_and_repeatable()
    {
        string path = Path.Combine(SharedData.Find("data/kmem")!, "b1.ftrace.txt.zst");
        string first = Replay(path);
        Assert.Equal(first, Replay(path));
    }

    [SharedDataFact("data/kmem")]
    public void A_replay_that_begins_with_the_machines_lists_refills_and_drains_them_as_the_kernel_did()
    {
        string folder = SharedData.Find("data/kmem")!;
        KmemTrace trace = KmemTrace.Read(Path.Combine(folder, "b1.ftrace.txt.zst"));
        (ZoneReport filled, ZoneReport empty) = (ReplayOnItsZones(folder, trace, hasLists: true), ReplayOnItsZones(folder, trace, hasLists: false));
        double refills = trace.Program.Counts.Events[(int)KmemEventKind.ZoneLocked];
        double drains = trace.Program.Counts.Events[(int)KmemEventKind.PcpuDrain];
        Assert.InRange(filled.ZoneLocked / refills, 0.95, 1.05);
        Assert.InRange(filled.Drained / drains, 0.95, 1.05);
        Assert.Equal((ulong)trace.Program.Counts.Events[(int)KmemEventKind.ExtFrag], filled.ExtFrag);
        Assert.NotInRange(empty.ZoneLocked / refills, 0.5, 1.5);
    }

    [Fact]
    public void What_lists_held_at_first_is_what_was_taken_before_the_first_refill()
    {
        ListContents lists = new();
        Add(KmemEventKind.Alloc, 0, 1, 3);
        Add(KmemEventKind.Free, 0, 1, 2);
        Add(KmemEventKind.PcpuDrain, 0, 1, 4);
        Add(KmemEventKind.Free, 0, 0, 5);
        Add(KmemEventKind.Alloc, 0, 0, 5);
        Add(KmemEventKind.ZoneLocked, 0, 1, 1);
        Add(KmemEventKind.Alloc, 0, 1, 100);
        Add(KmemEventKind.Alloc, 70, 2, 7);
        Assert.Equal(5, lists.GetFirst(0, MigrateType.Movable));
        Assert.Equal(0, lists.GetFirst(0, MigrateType.Unmovable));
        Assert.Equal(7, lists.GetFirst(70, MigrateType.Reclaimable));
        Assert.Equal(0, lists.GetFirst(71, MigrateType.Movable));
        Assert.Equal(0, lists.GetFirst(1000, MigrateType.Movable));

        void Add(KmemEventKind kind, int cpu, int type, int count)
        {
            for (int i = 0; i < count; i++)
            {
                lists.Add(new KmemEvent { Kind = kind, Cpu = (ushort)cpu, IsRefill = kind == KmemEventKind.ZoneLocked }, type);
            }
        }
    }

    private static ZoneReport ReplayOnItsZones(string folder, KmemTrace trace, bool hasLists)
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            using (InputFile input = InputFile.Open(Path.Combine(folder, "b1.proc_before_after.tar.zst")))
            using (TarReader tar = new(new MemoryStream(input.ReadToEnd())))
            {
                TarEntry? entry = tar.GetNextEntry();
                while (entry is not null && entry.Name != "before/zoneinfo")
                {
                    entry = tar.GetNextEntry();
                }

                entry!.ExtractToFile(path, overwrite: false);
            }

            using ModelMemory model = ModelMemory.FromZoneInfo(path, out ZoneInfoFile file);
            KmemReplay replay = new(trace.Program, trace.Gfps, model.Pages);
            replay.PrepareEarlier([.. model.Pages.Zones.Select(zone => zone.Span)]);
            if (hasLists)
            {
                replay.PrepareLists(file.Zones);
            }

            replay.Run(1);
            Assert.Equal(0, replay.Failures + replay.EarlierFailures);
            Assert.Equal(0, model.Log.Count);
            Assert.Empty(model.Pages.Verify());
            return replay.Report;
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static string Replay(string path)
    {
        KmemTrace trace = KmemTrace.Read(path);
        using ModelMemory model = ModelMemory.Boot(1UL << 30, 2);
        KmemReplay replay = new(trace.Program, trace.Gfps, model.Pages);
        replay.PrepareEarlier([]);
        replay.Run(10);
        Assert.Equal(0, replay.Failures);
        Assert.Equal(0, model.Log.Count);
        Assert.Empty(model.Pages.Verify());
        string report = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            JsonReport.Write(report, writer => KmemJson.Write(writer, new KmemResult("x", trace, model, replay, 1, 1)));
            return File.ReadAllText(report);
        }
        finally
        {
            File.Delete(report);
        }
    }

    private static SortedDictionary<string, string> Count(KmemTrace trace)
    {
        SortedDictionary<string, string> all = new(StringComparer.Ordinal);
        KmemCounts counts = trace.Program.Counts;
        string[] events = ["", "mm_page_alloc", "mm_page_free", "mm_page_free_batched", "mm_page_pcpu_drain", "mm_page_alloc_zone_locked", "mm_page_alloc_extfrag"];
        AddAll("event", counts.Events, index => events[index]);
        foreach ((string name, long count) in trace.Text.OtherEvents)
        {
            Add("event", name, count);
        }

        AddAll("cpu", trace.Text.EventsByCpu.ToArray(), index => index.ToString("000", CultureInfo.InvariantCulture));
        AddAll("alloc_order", counts.AllocByOrder);
        AddAll("alloc_migratetype", counts.AllocByMigrateType);
        AddAll("alloc_gfp", counts.AllocByGfp, trace.Gfps.GetText);
        AddAll("free_order", counts.FreeByOrder);
        AddAll("drain_order", counts.DrainByOrder);
        AddAll("drain_migratetype", counts.DrainByMigrateType);
        AddAll("zone_locked_order", counts.ZoneLockedByOrder);
        AddAll("zone_locked_migratetype", counts.ZoneLockedByMigrateType);
        AddAll("zone_locked_percpu_refill", [counts.Events[(int)KmemEventKind.ZoneLocked] - counts.ZoneLockedRefills, counts.ZoneLockedRefills]);
        Add("lines_parsed", "", trace.Text.EventCount);
        all.Add("timestamp_first,", (trace.Text.FirstTime / 1e6).ToString("0.000000", CultureInfo.InvariantCulture));
        all.Add("timestamp_last,", (trace.Text.LastTime / 1e6).ToString("0.000000", CultureInfo.InvariantCulture));
        Add("timestamp_goes_back", "", trace.Text.TimeGoesBack);
        Add("alloc_failed_pfn0", "", counts.FailedAllocs);
        Add("alloc_pages", "", counts.AllocByOrder.Select((count, order) => count << order).Sum());
        Add("free_pages", "", counts.FreeByOrder.Select((count, order) => count << order).Sum());
        Add("free_matched_exact", "", counts.MatchedFrees);
        Add("free_unknown_events", "", counts.UnknownFrees);
        Add("free_unknown_pages", "", counts.UnknownFreePages);
        Add("free_order_differs", "", counts.DifferingFrees);
        Add("alloc_of_page_still_live", "", counts.ReallocatedLive);
        Add("live_pages_end", "", (long)trace.Program.LivePages);
        Add("live_blocks_end", "", trace.Program.LiveBlocks);
        Add("peak_live_pages", "", (long)trace.Program.PeakLivePages);
        return all;

        void AddAll(string key, long[] values, Func<int, string>? name = null)
        {
            for (int i = 0; i < values.Length; i++)
            {
                if (values[i] != 0)
                {
                    Add(key, name?.Invoke(i) ?? i.ToString(CultureInfo.InvariantCulture), values[i]);
                }
            }
        }

        void Add(string key, string sub, long value) => all.Add($"{key},{sub}", value.ToString(CultureInfo.InvariantCulture));
    }
}
