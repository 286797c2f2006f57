using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Engine.Arm64.Tlb;
using Mmsim.Cli;
using Mmsim.Traces;
using Mmsim.Traces.Pages;
using Spectre.Console;

namespace Mmsim.Commands;

/// <summary><c>mmsim tlb</c>: the address stream of a trace alone through a TLB hierarchy, without an operating system or invalidation.</summary>
public static class TlbCommand
{
    private static readonly Argument<string> Trace = new("TRACE") { Description = "A lackey log or a binary trace; - is standard input." };

    private static readonly Option<string> Spec = new("--tlb")
    {
        Description = "Levels separated by commas, NAME=ENTRIES:WAYS[:POLICY][:FILL], such as l1d=48:full,l2=1280:5.",
        HelpName = "SPEC",
        Required = true,
    };

    private static readonly Option<string> Kinds = new("--kinds")
    {
        Description = "Which records look up: lsm (data), i (instruction fetches) or ilsm (both).",
        HelpName = "lsm|i|ilsm",
        DefaultValueFactory = _ => "lsm",
    };

    private static readonly Option<string> Page = new("--page")
    {
        Description = "The size of all pages.",
        HelpName = "4K|64K|2M",
        DefaultValueFactory = _ => "4K",
    };

    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        Command command = new("tlb", "Runs the address stream of a trace through a TLB hierarchy: no operating system, no invalidation.") { Trace, Spec, Kinds, Page };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        AccessKinds kinds = ParseKinds(parsed.GetValue(Kinds)!);
        TlbGeometry geometry = ParseGeometry(parsed.GetValue(Spec)!, kinds);
        TraceTlb tlb = new(geometry, ParsePage(parsed.GetValue(Page)!), parsed.GetValue(GeneralOptions.Seed));
        string? json = parsed.GetValue(GeneralOptions.Json);
        bool isQuiet = parsed.GetValue(GeneralOptions.Quiet) || json == "-";
        using Interruption interruption = new();
        long start = Stopwatch.GetTimestamp();
        using ITraceStream stream = TraceFile.OpenStream(parsed.GetValue(Trace)!);
        StreamTotals totals = ProgressDisplay.Run("tlb", isQuiet, progress => StreamTotals.Read(stream, accesses => tlb.Run(accesses, kinds), progress, interruption));
        PageUse pages = stream.CombinePages();
        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        if (!isQuiet)
        {
            Print(tlb, totals, pages, elapsed);
        }

        if (json is not null)
        {
            JsonReport.Write(json, writer => WriteJson(writer, tlb, totals, pages, elapsed));
        }

        return totals.IsInterrupted ? ExitCode.Interrupted : ExitCode.Done;
    }

    private static AccessKinds ParseKinds(string text) => text switch
    {
        "lsm" => AccessKinds.Data,
        "i" => AccessKinds.Fetch,
        "ilsm" => AccessKinds.All,
        _ => throw new InputException($"--kinds: '{text}' is not a set of records", "lsm, i or ilsm"),
    };

    private static int ParsePage(string text) => text.ToUpperInvariant() switch
    {
        "4K" => 12,
        "64K" => 16,
        "2M" => 21,
        _ => throw new InputException($"--page: '{text}' is not a page size", "4K, 64K or 2M"),
    };

    private static TlbGeometry ParseGeometry(string text, AccessKinds kinds)
    {
        if (!TlbSpec.TryParse(text, out TlbGeometry? geometry, out string? wrong, out string? expected))
        {
            throw new InputException($"--tlb: {wrong}", expected);
        }

        TlbSides needed = (kinds.HasFlag(AccessKinds.Fetch) ? TlbSides.Fetch : TlbSides.None) | ((kinds & AccessKinds.Data) != 0 ? TlbSides.Data : TlbSides.None);
        TlbSides missing = needed & ~geometry.Sides;
        return missing == TlbSides.None
            ? geometry
            : throw new InputException(
                $"--tlb: no level of '{text}' serves {(missing == TlbSides.Data ? "data" : missing == TlbSides.Fetch ? "instruction fetches" : "any record")}",
                "a level for each kind of record in --kinds");
    }

    private static void Print(TraceTlb tlb, StreamTotals totals, PageUse pages, TimeSpan elapsed)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        RecordCounts records = totals.Records;
        TextWriter output = Console.Out;
        output.WriteLine(string.Create(culture, $"records    {records.Total:N0}: {records.Instr:N0} instructions, {records.Load:N0} loads, {records.Store:N0} stores, {records.Modify:N0} modifies"));
        output.WriteLine(string.Create(culture, $"pages      {pages.Total:N0} of 4 KiB: {pages.Instr:N0} with instructions, {pages.Data:N0} with data, {pages.Read:N0} read, {pages.Written:N0} written"));
        Table table = new Table().Border(TableBorder.Simple).AddColumn("TLB level");
        foreach (string column in (string[])["lookups", "hits", "misses", "hit rate"])
        {
            _ = table.AddColumn(new TableColumn(column).RightAligned().NoWrap());
        }

        foreach ((TlbLevelStatistics level, TlbLevelGeometry geometry) in tlb.Statistics.Zip(tlb.Geometry.Levels))
        {
            double rate = level.Lookups == 0 ? 0 : level.Hits / (double)level.Lookups;
            _ = table.AddRow(
                geometry.ToString(), level.Lookups.ToString("N0", culture), level.Hits.ToString("N0", culture), level.Misses.ToString("N0", culture), rate.ToString("P4", culture));
        }

        ReportConsole.Create().Write(table);
        string ended = totals.IsInterrupted ? ", interrupted" : "";
        output.WriteLine(string.Create(culture, $"{records.Total / elapsed.TotalSeconds / 1e6:0.0} million records a second, {elapsed.TotalSeconds:0.000} s{ended}"));
    }

    private static void WriteJson(Utf8JsonWriter writer, TraceTlb tlb, StreamTotals totals, PageUse pages, TimeSpan elapsed)
    {
        TraceJson.WriteRecords(writer, totals.Records);

        // There is no operating system here: no call is applied.
        writer.WriteNumbers("syscalls", ("applied", 0), ("failed", totals.FailedCalls), ("ignored", totals.OtherCalls));
        TraceJson.WritePages(writer, pages);
        writer.WriteStartObject("tlb");
        foreach (TlbLevelStatistics level in tlb.Statistics)
        {
            writer.WriteNumbers(level.Name, ("lookups", (long)level.Lookups), ("hits", (long)level.Hits), ("misses", (long)level.Misses));
        }

        writer.WriteEndObject();
        TraceJson.WriteTiming(writer, totals.Records, elapsed, totals.IsInterrupted);
    }
}
