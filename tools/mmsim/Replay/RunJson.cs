using System.Text.Json;
using Engine.Arm64;
using Engine.Arm64.Faults;
using Mmsim.Cli;

namespace Mmsim.Replay;

/// <summary>A replay's result under the keys that scripts rely on. What depends on the host's speed is under <c>timing</c> alone.</summary>
internal static class RunJson
{
    /// <summary>Writes the members of the report's object.</summary>
    public static void Write(Utf8JsonWriter json, RunResult result)
    {
        json.WriteString("trace", result.Trace);
        json.WriteString("machine", result.Machine);
        json.WriteNumbers("records", ("instr", result.Records.Instr), ("load", result.Records.Load), ("store", result.Records.Store), ("modify", result.Records.Modify), ("total", result.Records.Total), ("in_trace", result.RecordsInTrace));
        json.WriteString("ended_because", result.EndedBecause);
        json.WriteNumbers("syscalls", ("applied", result.Syscalls.Applied), ("failed", result.Syscalls.Failed), ("ignored", result.Syscalls.Ignored), ("refused", result.Syscalls.Refused));
        json.WriteNumbers("pages", ("instr", result.Pages.Instr), ("data", result.Pages.Data), ("read", result.Pages.Read), ("written", result.Pages.Written), ("total", result.Pages.Total));
        WriteInitial(json, result);
        WriteFaults(json, result.Faults);
        WriteTlb(json, result);
        json.WriteNumbers("walks", ("count", (long)result.Walks), ("descriptors", (long)result.DescriptorReads));
        WriteMemory(json, result.Memory);
        WriteBuddyinfo(json, result.Memory);
        json.WriteNumber("corruptions", result.Corruptions);
        json.WriteStartObject("timing");
        json.WriteNumber("seconds", result.Seconds);
        json.WriteNumber("million_records_per_second", result.MillionRecordsPerSecond);
        json.WriteEndObject();
    }

    private static void WriteInitial(Utf8JsonWriter json, RunResult result)
    {
        long Pages(InitialKind kind) => result.Initial.Where(range => range.Kind == kind).Sum(range => (long)range.PageCount);
        json.WriteNumbers("initial_pages", ("text", Pages(InitialKind.Text)), ("writable", Pages(InitialKind.Writable)), ("writable_text", Pages(InitialKind.WritableText)), ("read_only", Pages(InitialKind.ReadOnly)));
    }

    private static void WriteFaults(Utf8JsonWriter json, FaultCounters faults)
    {
        json.WriteStartObject("faults");
        json.WriteNumber("minor", faults.Minor);
        json.WriteNumber("major", faults.Major);
        json.WriteNumber("signals", faults.Signals);
        json.WriteStartObject("by_cause");
        foreach ((FaultCause cause, string name) in FaultCauseNames.All)
        {
            json.WriteNumber(name, faults[cause]);
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteTlb(Utf8JsonWriter json, RunResult result)
    {
        json.WriteStartObject("tlb");
        foreach (TlbLevelResult level in result.Tlb)
        {
            json.WriteNumbers(level.Name, ("lookups", (long)level.Lookups), ("hits", (long)level.Hits), ("misses", (long)level.Misses));
        }

        json.WriteEndObject();
    }

    private static void WriteMemory(Utf8JsonWriter json, MemoryResult memory)
    {
        json.WriteStartObject("memory");
        json.WriteNumber("total_bytes", memory.TotalBytes);
        json.WriteNumber("rss_pages", memory.RssPages);
        json.WriteNumber("rss_anonymous_pages", memory.RssAnonymousPages);
        json.WriteNumber("page_table_pages", memory.PageTablePages);
        json.WriteNumber("page_cache_pages", memory.CachedPages);
        json.WriteNumber("metadata_bytes", memory.MetadataBytes);
        json.WriteNumber("free_pages", memory.FreePages);
        json.WriteNumber("metadata_share", (double)memory.MetadataBytes / memory.TotalBytes);
        WriteSamples(json, memory.MetadataSamples);
        json.WriteStartObject("metadata");
        foreach ((string name, ulong bytes) in memory.Metadata)
        {
            json.WriteNumber(name, bytes);
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteSamples(Utf8JsonWriter json, IReadOnlyList<MetadataSample> samples)
    {
        json.WriteStartArray("metadata_samples");
        foreach ((long records, MetadataSummary summary) in samples)
        {
            json.WriteStartObject();
            json.WriteNumber("records", records);
            json.WriteNumber("metadata_bytes", summary.TotalBytes);
            json.WriteNumber("frame_table_bytes", summary.FrameTableBytes);
            json.WriteNumber("bitmap_bytes", summary.BitmapBytes);
            json.WriteNumber("user_page_table_bytes", summary.UserTableBytes);
            json.WriteNumber("kernel_page_table_bytes", summary.KernelTableBytes);
            json.WriteNumber("slab_bytes", summary.SlabBytes);
            json.WriteNumber("vmalloc_bytes", summary.VmallocBytes);
            json.WriteNumber("other_bytes", summary.OtherBytes);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteBuddyinfo(Utf8JsonWriter json, MemoryResult memory)
    {
        json.WriteStartArray("buddyinfo");
        foreach (BuddyinfoRow row in memory.Buddyinfo)
        {
            json.WriteStartObject();
            json.WriteNumber("node", row.Node);
            json.WriteString("zone", row.Zone);
            json.WriteStartArray("free_blocks");
            foreach (ulong count in row.FreeBlocks)
            {
                json.WriteNumberValue(count);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
