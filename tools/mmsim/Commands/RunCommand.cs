using System.CommandLine;
using System.Diagnostics;
using Engine.Arm64;
using Engine.Arm64.Tlb;
using Mmsim.Cli;
using Mmsim.Replay;
using Mmsim.Traces;

namespace Mmsim.Commands;

/// <summary><c>mmsim run</c>: replays a program's trace on a simulated machine.</summary>
internal static class RunCommand
{
    private static readonly Argument<string?> Trace = new("TRACE")
    {
        Description = "A lackey log or a binary trace, plain, .zst or .gz; - is standard input. Without it the bundled sample.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        Command command = new("run", "Boots a machine and replays the memory trace of a real program on it.")
        {
            Trace, MachineArguments.Memory, MachineArguments.Cpus, MachineArguments.Core, MachineArguments.Tlb,
        };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        if (parsed.GetValue(MachineArguments.Core) == "help")
        {
            CoreGeometries.WriteHelp(Console.Out);
            return ExitCode.Done;
        }

        MachineOptions options = MachineArguments.Parse(parsed);
        string path = parsed.GetValue(Trace) ?? SampleTrace.Path;
        string? json = parsed.GetValue(GeneralOptions.Json);
        bool isQuiet = parsed.GetValue(GeneralOptions.Quiet) || json == "-";
        using Interruption interruption = new();
        long start = Stopwatch.GetTimestamp();
        RecordedTrace trace = ProgressDisplay.Run("reading", isQuiet, progress => RecordedTrace.Load(path, progress, interruption.Token));
        using TraceReplayer replayer = Boot(trace, options);
        ProgressDisplay.Run("replaying", isQuiet, progress =>
        {
            replayer.Run(progress, interruption.Token);
            return true;
        });
        RunResult result = replayer.GetResult(Stopwatch.GetElapsedTime(start).TotalSeconds);
        if (!isQuiet)
        {
            RunReport.Print(ReportConsole.Create(), result);
        }

        if (json is not null)
        {
            JsonReport.Write(json, writer => RunJson.Write(writer, result));
        }

        return interruption.IsRequested ? ExitCode.Interrupted : replayer.HasFailed ? ExitCode.Difference : ExitCode.Done;
    }

    private static TraceReplayer Boot(RecordedTrace trace, MachineOptions options)
    {
        try
        {
            return new TraceReplayer(trace, options);
        }
        catch (ArgumentException error)
        {
            throw new InputException($"--memory: {error.Message}", "more memory");
        }
    }
}
