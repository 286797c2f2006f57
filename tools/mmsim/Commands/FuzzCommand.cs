using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Mmsim.Cli;
using Mmsim.Fuzz;

namespace Mmsim.Commands;

/// <summary><c>mmsim fuzz TARGET</c>: random operations with checks, and a minimal failing sequence at the end.</summary>
public static class FuzzCommand
{
    // A target is registered by its line here.
    private static readonly IFuzzTarget[] Targets =
    [
        new FuzzBuddy(),
        new FuzzSlab(),
        new FuzzVmalloc(),
        new FuzzSyscalls(),
        new FuzzMmu(),
        new FuzzDamage(),
    ];

    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        Command command = new("fuzz", "Random operations with checks after every few; a minimal failing sequence at the end.");
        foreach (IFuzzTarget target in Targets)
        {
            Option<double> seconds = new("--seconds") { Description = "How long to run.", HelpName = "N", DefaultValueFactory = _ => 10 };
            Command one = new(target.Name, target.Description) { seconds };
            if (target.OtherName is string other)
            {
                one.Aliases.Add(other);
            }

            one.SetAction(parsed => Run(target, parsed.GetValue(seconds), parsed));
            command.Add(one);
        }

        return command;
    }

    private static int Run(IFuzzTarget target, double seconds, ParseResult parsed)
    {
        if (!double.IsFinite(seconds) || seconds < 0)
        {
            throw new InputException($"--seconds: {seconds.ToString(CultureInfo.InvariantCulture)}", "a number of seconds, 0 or more");
        }

        ulong seed = parsed.GetValue(GeneralOptions.Seed);
        string? json = parsed.GetValue(GeneralOptions.Json);
        bool isQuiet = parsed.GetValue(GeneralOptions.Quiet) || json == "-";
        using Interruption interruption = new();
        FuzzSummary summary = ProgressDisplay.Run($"fuzz {target.Name}", isQuiet, progress => Search(target, seed, seconds, progress, interruption));
        if (summary.Failure is not null && json != "-")
        {
            Console.WriteLine($"{target.Name}: seed {summary.LastSeed}: {summary.Failure}");
            Console.Write(summary.Test);
        }
        else if (!isQuiet)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{target.Name}: {summary.Sequences} sequences, {summary.Operations} operations, nothing wrong (seeds {seed} to {summary.LastSeed}){(interruption.IsRequested ? ", interrupted" : "")}"));
        }

        if (json is not null)
        {
            JsonReport.Write(json, writer => summary.Write(writer, target.Name, seed));
        }

        return summary.Failure is not null ? ExitCode.Difference : interruption.IsRequested ? ExitCode.Interrupted : ExitCode.Done;
    }

    // One sequence at least. A sequence's seed is printed with its failure; it is the run's seed plus the sequence's number.
    private static FuzzSummary Search(IFuzzTarget target, ulong seed, double seconds, Action<double?> progress, Interruption interruption)
    {
        long start = Stopwatch.GetTimestamp();
        FuzzSummary summary = default;
        double elapsed;
        do
        {
            ulong next = unchecked(seed + summary.Sequences);
            FuzzResult result = target.RunOne(next);
            elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
            summary = new FuzzSummary(summary.Sequences + 1, summary.Operations + result.Operations, next, elapsed, result.Failure, result.Test);
            progress(seconds > 0 ? Math.Min(elapsed / seconds, 1) : 1);
        }
        while (summary.Failure is null && elapsed < seconds && !interruption.IsRequested);

        return summary;
    }
}
