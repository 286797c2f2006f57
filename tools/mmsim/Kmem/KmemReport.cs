using System.Globalization;
using Engine.Core.Units;
using Engine.Core.Zones;
using Mmsim.Cli;
using Spectre.Console;

namespace Mmsim.Kmem;

/// <summary>The report of a replay as tables that a person reads.</summary>
internal static class KmemReport
{
    private const int RowsMax = 12;
    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    /// <summary>Prints the report.</summary>
    public static void Print(IAnsiConsole console, KmemResult result)
    {
        PrintHead(console, result);
        PrintAllocations(console, result.Trace);
        PrintKernels(console, result);
        PrintFragmentation(console, result);
        console.MarkupLine("[grey]buddyinfo of the model at the end[/]");
        _ = result.Model.Procfs.TryRead("buddyinfo", out string buddyinfo);
        PrintLine(buddyinfo.TrimEnd('\n'));
    }

    private static void PrintHead(IAnsiConsole console, KmemResult result)
    {
        ReplayProgram program = result.Trace.Program;
        string managed = SizeText.Format(result.Model.Pages.ManagedPages << Pfn.PageShift);
        console.MarkupLine($"[bold]{Markup.Escape(result.Name)}[/] on {managed} in {result.Model.Pages.Zones.Count} zones, {result.Model.Pages.CpuCount} CPUs");
        double seconds = result.ReadSeconds + result.ReplaySeconds;
        console.MarkupLine(Text($"{result.Trace.Text.EventCount:N0} events, {program.Seconds:0.0} s of the machine's time, in {seconds:0.000} s: [bold]{result.EventsPerSecond / 1e6:0.0} M events/s[/]"));
        if (result.Trace.Text.LostEvents != 0)
        {
            console.MarkupLine(Text($"[red]the kernel had lost {result.Trace.Text.LostEvents:N0} events[/]"));
        }

        if (result.Model.Log.Count != 0)
        {
            console.MarkupLine(Text($"[red]{result.Model.Log.Count:N0} inconsistencies in the model's data[/]"));
        }

        console.WriteLine();
    }

    private static void PrintAllocations(IAnsiConsole console, KmemTrace trace)
    {
        KmemCounts counts = trace.Program.Counts;
        Table orders = NewTable("order", "allocations", "frees", "drained", "zone-locked");
        for (int order = 0; order < Order.Count; order++)
        {
            if (counts.AllocByOrder[order] + counts.FreeByOrder[order] + counts.DrainByOrder[order] + counts.ZoneLockedByOrder[order] != 0)
            {
                AddRow(orders, order.ToString(Culture), counts.AllocByOrder[order], counts.FreeByOrder[order], counts.DrainByOrder[order], counts.ZoneLockedByOrder[order]);
            }
        }

        console.Write(orders);
        console.WriteLine();
        Table types = NewTable("migrate type", "allocations");
        for (int type = 0; type < counts.AllocByMigrateType.Length; type++)
        {
            if (counts.AllocByMigrateType[type] != 0)
            {
                AddRow(types, MigrateTypes.GetName((MigrateType)type), counts.AllocByMigrateType[type]);
            }
        }

        console.Write(types);
        console.WriteLine();
        console.MarkupLine("[grey]allocations  flags[/]");
        foreach (int index in Enumerable.Range(0, counts.AllocByGfp.Length).OrderByDescending(index => counts.AllocByGfp[index]))
        {
            PrintLine(Text($"{counts.AllocByGfp[index],11:N0}  {trace.Gfps.GetText(index)}"));
        }

        console.WriteLine();
        console.MarkupLine(Text($"[grey]live pages[/]  peak {trace.Program.PeakLivePages:N0}, at the end {trace.Program.LivePages:N0} (allocated in the trace)"));
        console.MarkupLine(Text($"[grey]frees[/]       {counts.MatchedFrees:N0} of blocks of the trace, {counts.UnknownFrees:N0} of earlier ones ({counts.UnknownFreePages:N0} pages), {counts.DifferingFrees:N0} of parts, {counts.ReallocatedLive:N0} not seen"));
        console.WriteLine();
    }

    private static void PrintKernels(IAnsiConsole console, KmemResult result)
    {
        KmemCounts real = result.Trace.Program.Counts;
        ZoneReport model = result.Replay.Report;
        Table table = NewTable("", "real kernel", "model");
        AddRow(table, "allocations", real.Events[(int)KmemEventKind.Alloc], (long)model.Allocations);
        AddRow(table, "failed allocations", real.FailedAllocs, result.Replay.Failures);
        AddRow(table, "zone-locked", real.Events[(int)KmemEventKind.ZoneLocked], (long)model.ZoneLocked);
        AddRow(table, "  of them refills", real.ZoneLockedRefills, (long)model.Refilled);
        AddRow(table, "per-CPU drains", real.Events[(int)KmemEventKind.PcpuDrain], (long)model.Drained);
        AddRow(table, "extfrag", real.Events[(int)KmemEventKind.ExtFrag], (long)model.ExtFrag);
        AddRow(table, "  fragmenting", real.ExtFragFragmenting, (long)model.ExtFragFragmenting);
        AddRow(table, "  change of ownership", real.ExtFragOwnership, (long)model.ExtFragOwnership);
        console.Write(table);
        console.WriteLine();
    }

    private static void PrintFragmentation(IAnsiConsole console, KmemResult result)
    {
        Zone zone = result.BusiestZone;
        console.MarkupLine(Text($"[grey]free memory of node {zone.Node}, zone {ZoneTypes.GetName(zone.Type)} over time; unusable: thousandths of it in blocks that are too small[/]"));
        Table table = NewTable("time s", "free MiB", "order 0", "1-3", "4-8", "9", "10", "unusable 1", "3", "9", "10");
        IReadOnlyList<FragmentationSample> samples = result.BusiestSamples;
        int rows = Math.Min(RowsMax, samples.Count);
        for (int row = 0; row < rows; row++)
        {
            FragmentationSample sample = samples[rows == 1 ? 0 : row * (samples.Count - 1) / (rows - 1)];
            IReadOnlyList<long> blocks = sample.FreeBlocks;
            AddRow(
                table, sample.Seconds.ToString("0.000", Culture), (long)(sample.FreePages >> 8), blocks[0], blocks.Skip(1).Take(3).Sum(),
                blocks.Skip(4).Take(5).Sum(), blocks[9], blocks[10], sample.GetUnusableIndex(1), sample.GetUnusableIndex(3),
                sample.GetUnusableIndex(9), sample.GetUnusableIndex(10));
        }

        console.Write(table);
        console.WriteLine();
    }

    // Without the console's wrapping: the line is to stay one.
    private static void PrintLine(string text) => Console.Out.WriteLine(text);

    private static Table NewTable(params ReadOnlySpan<string> titles)
    {
        Table table = new() { Border = TableBorder.None };
        bool isFirst = true;
        foreach (string title in titles)
        {
            TableColumn column = new TableColumn($"[grey]{Markup.Escape(title)}[/]").NoWrap();
            table.AddColumn(isFirst ? column : column.RightAligned());
            isFirst = false;
        }

        return table;
    }

    private static void AddRow(Table table, string label, params ReadOnlySpan<long> values)
    {
        string[] cells = new string[values.Length + 1];
        cells[0] = Markup.Escape(label);
        for (int i = 0; i < values.Length; i++)
        {
            cells[i + 1] = values[i].ToString("N0", Culture);
        }

        table.AddRow(cells);
    }

    private static string Text(FormattableString text) => text.ToString(Culture);
}
