using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Mmsim.Cli;
using Mmsim.Traces;
using Mmsim.Traces.Binary;

namespace Mmsim.Commands;

/// <summary><c>mmsim convert</c>: a trace to the compact binary form.</summary>
public static class ConvertCommand
{
    private static readonly Argument<string> Trace = new("TRACE") { Description = "A lackey log or a binary trace; - is standard input." };

    private static readonly Argument<string> Output = new("OUT") { Description = "The binary trace to write; - is standard output." };

    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        Command command = new("convert", "Converts a trace to the compact binary form, which the other commands read as well.") { Trace, Output };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        string path = parsed.GetValue(Trace)!;
        string target = parsed.GetValue(Output)!;
        string? json = parsed.GetValue(GeneralOptions.Json);
        bool isQuiet = parsed.GetValue(GeneralOptions.Quiet) || target == "-" || json == "-";
        if (target != "-" && path != "-" && Path.GetFullPath(target) == Path.GetFullPath(path))
        {
            throw new InputException(target, null, "is the trace itself", "another file to write to");
        }

        if (target == "-" && json == "-")
        {
            throw new InputException("both the trace and the report go to standard output", "a file for one of them");
        }

        using Interruption interruption = new();
        long start = Stopwatch.GetTimestamp();
        RecordedTrace trace = ProgressDisplay.Run("reading", isQuiet, progress => RecordedTrace.Load(path, progress, interruption.Token));
        (long plain, long stored) = ProgressDisplay.Run("writing", isQuiet, progress =>
            OutputFile.Write(target, output => BinaryTraceWriter.Write(trace, output, progress, interruption.Token)));
        Report(trace, plain, stored, Stopwatch.GetElapsedTime(start), isQuiet, json);
        return ExitCode.Done;
    }

    private static void Report(RecordedTrace trace, long plain, long stored, TimeSpan elapsed, bool isQuiet, string? json)
    {
        if (!isQuiet)
        {
            double records = Math.Max(1, trace.Counts.Total);
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{trace.Counts.Total:N0} records, {trace.Syscalls.Count:N0} system calls, {trace.Pages.Total:N0} pages; {stored:N0} bytes ({stored / records:0.00} a record; {plain / records:0.00} before compression)"));
        }

        if (json is not null)
        {
            JsonReport.Write(json, writer =>
            {
                TraceJson.WriteRecords(writer, trace.Counts);
                TraceJson.WritePages(writer, trace.Pages);
                writer.WriteNumbers("binary", ("plain_bytes", plain), ("stored_bytes", stored), ("syscalls", trace.Syscalls.Count));
                TraceJson.WriteTiming(writer, trace.Counts, elapsed, isInterrupted: false);
            });
        }
    }
}
