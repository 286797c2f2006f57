using System.CommandLine;
using Mmsim.Cli;
using Spectre.Console;

namespace Engine.Bench.Harness;

/// <summary>The command line: one command a suite, with the same options.</summary>
internal static class BenchCommandLine
{
    private static readonly Option<string?> Csv = new("--csv")
    {
        Description = "Write the measurements to FILE as CSV.",
        HelpName = "FILE",
        Recursive = true,
    };

    private static readonly Option<bool> Quick = new("--quick")
    {
        Description = "Few and short rounds: shows that it works, not how fast it is.",
        Recursive = true,
    };

    private static readonly Option<int> Threads = new("--threads")
    {
        Description = "Threads of the multi-threaded cases (0: the host's CPUs).",
        HelpName = "N",
        DefaultValueFactory = _ => 0,
        Recursive = true,
    };

    private static readonly Option<string?> Input = new("--input")
    {
        Description = "What the suite works on instead of what it carries.",
        HelpName = "FILE",
        Recursive = true,
    };

    private static readonly Option<bool> CpuTime = new("--cpu-time")
    {
        Description = "Time the CPU that the measuring threads use: steadier on a busy host, wrong where other threads do the work.",
        Recursive = true,
    };

    private static readonly Option<string?> Llfree = new("--llfree")
    {
        Description = "A checkout of llfree-c, built and measured beside the page allocator (default: LLFREE_DIR of the environment).",
        HelpName = "DIR",
        Recursive = true,
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable("LLFREE_DIR"),
    };

    private static readonly Option<string?> Only = new("--only")
    {
        Description = "Measure only the workloads whose names begin with one of these, separated by commas.",
        HelpName = "NAMES",
        Recursive = true,
    };

    /// <summary>Builds the command line.</summary>
    public static RootCommand Create(IEnumerable<ISuite> suites)
    {
        RootCommand root = new("Throughput of the engine, measured.") { Csv, Quick, Threads, Input, CpuTime, Llfree, Only };
        foreach (ISuite suite in suites)
        {
            Command command = new(suite.Name, suite.Description);
            command.SetAction(parsed =>
            {
                SuiteOptions options = new(
                    parsed.GetValue(Quick), parsed.GetValue(Threads), parsed.GetValue(Csv), parsed.GetValue(Input), parsed.GetValue(CpuTime),
                    parsed.GetValue(Llfree) is { Length: > 0 } folder ? folder : null,
                    parsed.GetValue(Only)?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? []);
                return Run(suite, options);
            });
            root.Add(command);
        }

        return root;
    }

    private static int Run(ISuite suite, SuiteOptions options)
    {
        if (suite.IsTiered && !TieredProcess.IsThis)
        {
            return TieredProcess.RunThis();
        }

        try
        {
            Measure(suite, options);
            return ExitCode.Done;
        }
        catch (InputException error)
        {
            Console.Error.WriteLine($"Engine.Bench: {error.Message}");
            return ExitCode.BadInput;
        }
    }

    private static void Measure(ISuite suite, SuiteOptions options)
    {
        if (Console.IsOutputRedirected)
        {
            // A pipe has no width; a table that wraps is hard to read and to grep.
            AnsiConsole.Profile.Width = 160;
        }

        SuiteContext context = new(suite.Name, options);
        suite.Run(context);
        MeasurementReport.Print(context.Measurements);
        if (options.CsvPath is not null)
        {
            MeasurementReport.WriteCsv(options.CsvPath, context.Measurements);
        }
    }
}
