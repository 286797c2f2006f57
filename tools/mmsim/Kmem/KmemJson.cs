using System.Globalization;
using System.Text.Json;
using Engine.Core.Units;
using Engine.Core.Zones;
using Mmsim.Cli;

namespace Mmsim.Kmem;

/// <summary>The report of a replay as JSON.</summary>
internal static class KmemJson
{
    /// <summary>Writes the members of the outermost object.</summary>
    public static void Write(Utf8JsonWriter json, KmemResult result)
    {
        WriteTrace(json, result.Trace);
        WriteModel(json, result);
        json.WriteStartObject("timing");
        json.WriteNumber("seconds", result.ReadSeconds + result.ReplaySeconds);
        json.WriteNumber("read_seconds", result.ReadSeconds);
        json.WriteNumber("replay_seconds", result.ReplaySeconds);
        json.WriteNumber("events_per_second", Math.Round(result.EventsPerSecond));
        json.WriteEndObject();
    }

    private static void WriteTrace(Utf8JsonWriter json, KmemTrace trace)
    {
        KmemCounts counts = trace.Program.Counts;
        json.WriteNumber("lines", trace.Text.EventCount);
        WriteByNumber(json, "events_by_cpu", [.. trace.Text.EventsByCpu]);
        json.WriteNumber("time_first_us", trace.Text.FirstTime);
        json.WriteNumber("time_last_us", trace.Text.LastTime);
        json.WriteNumber("time_goes_back", trace.Text.TimeGoesBack);
        json.WriteNumbers(
            "events",
            ("alloc", counts.Events[(int)KmemEventKind.Alloc]),
            ("free", counts.Events[(int)KmemEventKind.Free]),
            ("free_batched", counts.Events[(int)KmemEventKind.FreeBatched]),
            ("pcpu_drain", counts.Events[(int)KmemEventKind.PcpuDrain]),
            ("zone_locked", counts.Events[(int)KmemEventKind.ZoneLocked]),
            ("extfrag", counts.Events[(int)KmemEventKind.ExtFrag]));
        json.WriteNumbers("other_events", [.. trace.Text.OtherEvents.OrderBy(item => item.Key, StringComparer.Ordinal).Select(item => (item.Key, item.Value))]);
        json.WriteNumber("lost_events", trace.Text.LostEvents);
        WriteByNumber(json, "alloc_by_order", counts.AllocByOrder);
        WriteByNumber(json, "alloc_by_migratetype", counts.AllocByMigrateType);
        json.WriteNumbers("alloc_by_gfp", [.. Enumerable.Range(0, counts.AllocByGfp.Length)
            .Select(index => (Key: trace.Gfps.GetText(index), Value: counts.AllocByGfp[index]))
            .OrderBy(item => item.Key, StringComparer.Ordinal)]);
        json.WriteNumber("alloc_pages", PagesIn(counts.AllocByOrder));
        json.WriteNumber("alloc_failed", counts.FailedAllocs);
        WriteByNumber(json, "free_by_order", counts.FreeByOrder);
        json.WriteNumber("free_pages", PagesIn(counts.FreeByOrder));
        json.WriteNumber("matched_frees", counts.MatchedFrees);
        json.WriteNumber("unknown_frees", counts.UnknownFrees);
        json.WriteNumber("unknown_free_pages", counts.UnknownFreePages);
        json.WriteNumber("differing_frees", counts.DifferingFrees);
        json.WriteNumber("allocs_of_live_pages", counts.ReallocatedLive);
        json.WriteNumber("peak_live_pages", trace.Program.PeakLivePages);
        json.WriteNumber("live_pages_end", trace.Program.LivePages);
        WriteByNumber(json, "drain_by_order", counts.DrainByOrder);
        WriteByNumber(json, "drain_by_migratetype", counts.DrainByMigrateType);
        WriteByNumber(json, "zone_locked_by_order", counts.ZoneLockedByOrder);
        WriteByNumber(json, "zone_locked_by_migratetype", counts.ZoneLockedByMigrateType);
        json.WriteNumber("zone_locked_refills", counts.ZoneLockedRefills);
        json.WriteNumbers("extfrag", ("fragmenting", counts.ExtFragFragmenting), ("change_ownership", counts.ExtFragOwnership));
    }

    private static void WriteModel(Utf8JsonWriter json, KmemResult result)
    {
        ZoneReport report = result.Replay.Report;
        json.WriteStartObject("model");
        json.WriteNumber("allocations", report.Allocations);
        json.WriteNumber("allocated_pages", report.AllocatedPages);
        json.WriteNumber("freed_pages", report.FreedPages);
        json.WriteNumber("failed_allocations", result.Replay.Failures);
        json.WriteNumber("earlier_blocks", result.Trace.Program.Earlier.Count);
        json.WriteNumber("earlier_failures", result.Replay.EarlierFailures);
        json.WriteNumber("extfrag", report.ExtFrag);
        json.WriteNumber("extfrag_fragmenting", report.ExtFragFragmenting);
        json.WriteNumber("extfrag_change_ownership", report.ExtFragOwnership);
        json.WriteNumber("zone_locked", report.ZoneLocked);
        json.WriteNumber("zone_locked_refills", report.Refilled);
        json.WriteNumber("pcpu_drain", report.Drained);
        json.WriteNumber("corruptions", result.Model.Log.Count);
        WriteBuddyinfo(json, result);
        WriteFragmentation(json, result);
        json.WriteEndObject();
    }

    private static void WriteBuddyinfo(Utf8JsonWriter json, KmemResult result)
    {
        json.WriteStartArray("buddyinfo");
        foreach (Zone zone in result.Model.Pages.Zones)
        {
            json.WriteStartObject();
            json.WriteNumber("node", zone.Node);
            json.WriteString("zone", ZoneTypes.GetName(zone.Type));
            WriteNumbers(json, "free_blocks", FragmentationSample.Take(zone, 0, 0).FreeBlocks);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteFragmentation(Utf8JsonWriter json, KmemResult result)
    {
        json.WriteStartArray("fragmentation");
        foreach (FragmentationSample sample in result.Replay.Samples)
        {
            json.WriteStartObject();
            json.WriteNumber("time_s", Math.Round(sample.Seconds, 6));
            json.WriteNumber("steps", sample.Steps);
            json.WriteNumber("node", sample.Zone.Node);
            json.WriteString("zone", ZoneTypes.GetName(sample.Zone.Type));
            json.WriteNumber("free_pages", sample.FreePages);
            WriteNumbers(json, "free_blocks", sample.FreeBlocks);
            WriteNumbers(json, "unusable_index", Enumerable.Range(0, Order.Count).Select(sample.GetUnusableIndex));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteByNumber(Utf8JsonWriter json, string name, long[] counts) =>
        json.WriteNumbers(name, [.. counts.Select((count, index) => (index.ToString(CultureInfo.InvariantCulture), count)).Where(item => item.count != 0)]);

    private static void WriteNumbers(Utf8JsonWriter json, string name, IEnumerable<long> values)
    {
        json.WriteStartArray(name);
        foreach (long value in values)
        {
            json.WriteNumberValue(value);
        }

        json.WriteEndArray();
    }

    private static long PagesIn(long[] byOrder) => byOrder.Select((count, order) => count << order).Sum();
}
