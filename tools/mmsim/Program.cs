using System.CommandLine;
using Mmsim.Cli;
using Mmsim.Commands;

namespace Mmsim;

/// <summary>The command line of the engine.</summary>
public static class Program
{
    /// <summary>Runs one command.</summary>
    /// <returns>See <see cref="ExitCode"/>.</returns>
    public static int Main(string[] args)
    {
        RootCommand root = new("Linux memory management on ARM64, run as a model.")
        {
            GeneralOptions.Json, GeneralOptions.Quiet, GeneralOptions.Seed,
            CompareCommand.Create(),
            ConvertCommand.Create(),
            FuzzCommand.Create(),
            KmemCommand.Create(),
            ProcCommand.Create(),
            ReadaheadCommand.Create(),
            RunCommand.Create(),
            ScenarioCommand.Create(),
            TlbCommand.Create(),
            WalkCommand.Create(),
            ZonesCommand.Create(),
        };
        return CommandRunner.Run(root, args);
    }
}
