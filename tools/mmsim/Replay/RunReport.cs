using System.Globalization;
using Engine.Arm64.Faults;
using Mmsim.Cli;
using Spectre.Console;

namespace Mmsim.Replay;

/// <summary>A replay's result as one screen that a person reads.</summary>
internal static class RunReport
{
    private const int LabelWidth = 12;

    // What does not fit one line of a terminal is in the JSON report.
    private const int MetadataPartsMax = 5;

    /// <summary>Prints the report.</summary>
    public static void Print(IAnsiConsole console, RunResult result)
    {
        PrintHead(console, result);
        PrintProgram(console, result);
        PrintFaults(console, result);
        PrintTranslation(console, result);
        PrintMemory(console, result);
    }

    private static void PrintHead(IAnsiConsole console, RunResult result)
    {
        console.MarkupLine($"[bold]{Markup.Escape(Path.GetFileName(result.Trace))}[/] on {Markup.Escape(result.Machine)}");
        console.MarkupLineInterpolated(
            CultureInfo.InvariantCulture,
            $"{result.Records.Total:N0} records in {result.Seconds:0.000} s: [bold]{result.MillionRecordsPerSecond:0.0} M records/s[/]");
        if (result.EndedBecause is string reason)
        {
            console.MarkupLineInterpolated(
                CultureInfo.InvariantCulture, $"[red]ended after {result.Records.Total:N0} of {result.RecordsInTrace:N0} records: {reason}[/]");
        }

        if (result.Corruptions > 0)
        {
            console.MarkupLineInterpolated(CultureInfo.InvariantCulture, $"[red]{result.Corruptions:N0} inconsistencies in the kernel's data[/]");
        }

        console.WriteLine();
    }

    private static void PrintProgram(IAnsiConsole console, RunResult result)
    {
        Line(console, "records", ("instr", result.Records.Instr), ("load", result.Records.Load), ("store", result.Records.Store), ("modify", result.Records.Modify));
        Line(console, "pages", ("total", result.Pages.Total), ("instr", result.Pages.Instr), ("data", result.Pages.Data), ("read", result.Pages.Read), ("written", result.Pages.Written));
        Line(console, "at start", ("text", PagesOf(result, InitialKind.Text, InitialKind.WritableText)), ("writable", PagesOf(result, InitialKind.Writable)), ("read-only", PagesOf(result, InitialKind.ReadOnly)), ("ranges", result.Initial.Count));
        Line(console, "syscalls", ("applied", result.Syscalls.Applied), ("failed", result.Syscalls.Failed), ("ignored", result.Syscalls.Ignored), ("refused", result.Syscalls.Refused));
        console.WriteLine();
    }

    private static void PrintFaults(IAnsiConsole console, RunResult result)
    {
        FaultCounters faults = result.Faults;
        Line(console, "faults", ("minor", (long)faults.Minor), ("major", (long)faults.Major), ("signals", (long)faults.Signals));
        (string, long)[] causes =
        [
            .. FaultCauseNames.All.Select(cause => (cause.Name.Replace('_', ' '), (long)faults[cause.Cause])).Where(cause => cause.Item2 != 0),
        ];
        Line(console, "  by cause", causes);
        console.WriteLine();
    }

    private static void PrintTranslation(IAnsiConsole console, RunResult result)
    {
        Table table = new() { Border = TableBorder.None, ShowHeaders = true };
        table.AddColumn(new TableColumn("[grey]TLB[/]").Width(LabelWidth));
        foreach (string title in new[] { "entries", "lookups", "hits", "misses", "hit rate" })
        {
            table.AddColumn(new TableColumn($"[grey]{title}[/]").RightAligned());
        }

        foreach (TlbLevelResult level in result.Tlb)
        {
            double rate = level.Lookups == 0 ? 0 : 100.0 * level.Hits / level.Lookups;
            table.AddRow(level.Name, Markup.Escape(level.Geometry), Number(level.Lookups), Number(level.Hits), Number(level.Misses), Text($"{rate:0.000} %"));
        }

        console.Write(table);
        double reads = result.Walks == 0 ? 0 : (double)result.DescriptorReads / result.Walks;
        Line(console, "walks", ("walks", (long)result.Walks), ("descriptors read", (long)result.DescriptorReads));
        console.MarkupLineInterpolated(CultureInfo.InvariantCulture, $"{"",-LabelWidth} {reads:0.00} descriptors a walk, {1e3 * result.Walks / Math.Max(1, result.Records.Total):0.000} walks per 1,000 records");
        console.WriteLine();
    }

    private static void PrintMemory(IAnsiConsole console, RunResult result)
    {
        MemoryResult memory = result.Memory;
        Line(console, "memory", ("rss pages", (long)memory.RssPages), ("anonymous", (long)memory.RssAnonymousPages), ("page-table pages", (long)memory.PageTablePages), ("cached", (long)memory.CachedPages), ("free", (long)memory.FreePages));
        PrintMetadata(console, memory);
        console.MarkupLineInterpolated(CultureInfo.InvariantCulture, $"[grey]{"buddyinfo",-LabelWidth}[/]");
        foreach (BuddyinfoRow row in memory.Buddyinfo)
        {
            string blocks = string.Concat(row.FreeBlocks.Select(count => Text($"{count,6} ")));
            console.WriteLine(Text($"Node {row.Node}, zone {row.Zone,8} {blocks}"));
        }
    }

    private static void PrintMetadata(IAnsiConsole console, MemoryResult memory)
    {
        double share = 100.0 * memory.MetadataBytes / memory.TotalBytes;
        ulong slabs = memory.Metadata.Where(part => part.Name.StartsWith("slab ", StringComparison.Ordinal)).Aggregate(0UL, (sum, part) => sum + part.Bytes);
        (string Name, ulong Bytes)[] largest =
        [
            .. memory.Metadata.Where(part => !part.Name.StartsWith("slab ", StringComparison.Ordinal)).Append((Name: "slabs", Bytes: slabs))
                .Where(part => part.Bytes != 0).OrderByDescending(part => part.Bytes).Take(MetadataPartsMax),
        ];
        string parts = string.Join("   ", largest.Select(part => $"[grey]{Markup.Escape(part.Name)}[/] {SizeText.Format(part.Bytes)}"));
        console.MarkupLine(Text($"[grey]{"metadata",-LabelWidth}[/] {SizeText.Format(memory.MetadataBytes)}, {share:0.00} % of memory"));
        console.MarkupLine(Text($"{"",-LabelWidth} {parts}"));
    }

    private static long PagesOf(RunResult result, params InitialKind[] kinds) =>
        result.Initial.Where(range => kinds.Contains(range.Kind)).Sum(range => (long)range.PageCount);

    private static void Line(IAnsiConsole console, string label, params (string Name, long Value)[] values)
    {
        string text = string.Join("   ", values.Select(value => $"[grey]{Markup.Escape(value.Name)}[/] {value.Value.ToString("N0", CultureInfo.InvariantCulture)}"));
        console.MarkupLine($"[grey]{label.PadRight(LabelWidth)}[/] {text}");
    }

    private static string Number(ulong value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
