using System.Text.Json;
using Mmsim.Cli;
using Mmsim.Traces.Pages;

namespace Mmsim.Traces;

/// <summary>The members that every report about a trace has.</summary>
public static class TraceJson
{
    /// <summary>Writes <c>records</c>.</summary>
    public static void WriteRecords(Utf8JsonWriter writer, RecordCounts records) =>
        writer.WriteNumbers("records", ("instr", records.Instr), ("load", records.Load), ("store", records.Store), ("modify", records.Modify));

    /// <summary>Writes <c>pages</c>.</summary>
    public static void WritePages(Utf8JsonWriter writer, PageUse pages) =>
        writer.WriteNumbers("pages", ("instr", pages.Instr), ("data", pages.Data), ("read", pages.Read), ("written", pages.Written), ("total", pages.Total));

    /// <summary>Writes <c>timing</c>: all that differs between two runs of one input.</summary>
    /// <param name="writer">The report.</param>
    /// <param name="records">What was gone through.</param>
    /// <param name="elapsed">How long it took.</param>
    /// <param name="isInterrupted">Whether the user stopped it: how far it then came is a matter of speed.</param>
    public static void WriteTiming(Utf8JsonWriter writer, RecordCounts records, TimeSpan elapsed, bool isInterrupted)
    {
        writer.WriteStartObject("timing");
        writer.WriteNumber("seconds", elapsed.TotalSeconds);
        writer.WriteNumber("records_per_second", Math.Round(records.Total / Math.Max(elapsed.TotalSeconds, 1e-9)));
        writer.WriteBoolean("interrupted", isInterrupted);
        writer.WriteEndObject();
    }
}
