using System.CommandLine;
using System.Diagnostics;
using Engine.Arm64;
using Mmsim.Cli;
using Mmsim.Compare;
using Mmsim.Traces;

namespace Mmsim.Commands;

/// <summary><c>mmsim compare</c>: replays a program's trace on several machines and shows what differs.</summary>
internal static class CompareCommand
{
    private static readonly Argument<string?> Trace = new("TRACE")
    {
        Description = "A lackey log or a binary trace, plain, .zst or .gz; - is standard input. Without it the bundled sample.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string[]> Vary = new("--vary")
    {
        Description = "What the machines differ in: core=NAME,… folio=4K,16K,64K,2M contiguous=on,off hpa=on,off memory=SIZE,… Every combination is replayed.",
        HelpName = "KEY=A,B,…",
        AllowMultipleArgumentsPerToken = true,
    };

    private static readonly Option<string?> Csv = new("--csv") { Description = "Write the table as CSV (- for standard output).", HelpName = "FILE" };

    private static readonly Option<string?> Plot = new("--plot") { Description = "Draw cycles and memory as bars.", HelpName = "FILE.png" };

    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        Command command = new("compare", "Replays the memory trace of a real program once for each variant of a machine, and prints one table.")
        {
            Trace, Vary, Csv, Plot, MachineArguments.Memory, MachineArguments.Cpus, MachineArguments.Core, MachineArguments.Tlb,
        };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        MachineOptions common = MachineArguments.Parse(parsed);
        IReadOnlyList<Variant> variants = VariantSet.Parse(parsed.GetValue(Vary) ?? [], common);
        string path = parsed.GetValue(Trace) ?? SampleTrace.Path;
        string? json = parsed.GetValue(GeneralOptions.Json);
        string? csv = parsed.GetValue(Csv);
        bool isQuiet = parsed.GetValue(GeneralOptions.Quiet) || json == "-" || csv == "-";
        using Interruption interruption = new();
        long start = Stopwatch.GetTimestamp();
        RecordedTrace trace = ProgressDisplay.Run("reading", isQuiet, progress => RecordedTrace.Load(path, progress, interruption.Token));
        VariantResult[] results = ProgressDisplay.Run("replaying", isQuiet, progress => Comparison.Run(trace, variants, progress, interruption.Token));
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (!isQuiet)
        {
            CompareReport.Print(ReportConsole.Create(), trace.Name, trace.Counts.Total, seconds, results);
        }

        if (csv is not null)
        {
            CompareReport.WriteCsv(csv, results);
        }

        if (json is not null)
        {
            JsonReport.Write(json, writer => CompareReport.WriteJson(writer, trace.Name, trace.Counts.Total, seconds, results));
        }

        if (parsed.GetValue(Plot) is string picture)
        {
            ComparePlot.Write(picture, trace.Name, results);
        }

        return interruption.IsRequested ? ExitCode.Interrupted
            : results.Any(result => result.Run.EndedBecause is not null || result.Run.Corruptions != 0) ? ExitCode.Difference : ExitCode.Done;
    }
}
