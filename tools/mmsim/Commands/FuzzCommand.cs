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
    ];

    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        Command command = new("fuzz", "Random operations with checks after every few; a minimal failing sequence at the end.");
        foreach (IFuzzTarget target in Targets)
        {
            Option<double> seconds = new("--seconds") { Description = "How long to run.", HelpName = "N", DefaultValueFactory = _ => 10 };
            Command one = new(target.Name, target.Description) { seconds };
            one.SetAction(parsed => Run(target, parsed.GetValue(seconds), parsed.GetValue(GeneralOptions.Seed), parsed.GetValue(GeneralOptions.Quiet)));
            command.Add(one);
        }

        return command;
    }

    private static int Run(IFuzzTarget target, double seconds, ulong seed, bool isQuiet)
    {
        if (!double.IsFinite(seconds) || seconds < 0)
        {
            throw new InputException($"--seconds {seconds.ToString(CultureInfo.InvariantCulture)}", "a number of seconds, 0 or more");
        }

        long start = Stopwatch.GetTimestamp();
        long operations = 0;
        ulong sequences = 0;
        do
        {
            // The sequence's seed is printed with a failure; it is the run's seed plus the sequence's number.
            FuzzResult result = target.RunOne(unchecked(seed + sequences));
            operations += result.Operations;
            if (result.Failure is not null)
            {
                Console.WriteLine($"{target.Name}: seed {unchecked(seed + sequences)}: {result.Failure}");
                Console.Write(result.Test);
                return ExitCode.Difference;
            }

            sequences++;
        }
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < seconds);

        if (!isQuiet)
        {
            Console.WriteLine($"{target.Name}: {sequences} sequences, {operations} operations, nothing wrong (seeds {seed} to {unchecked(seed + sequences - 1)})");
        }

        return ExitCode.Done;
    }
}
