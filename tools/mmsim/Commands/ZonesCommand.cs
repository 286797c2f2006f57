using System.CommandLine;
using Mmsim.Cli;
using Mmsim.Kmem;

namespace Mmsim.Commands;

/// <summary><c>mmsim zones</c>: builds the zones of a real machine and prints the model's own <c>zoneinfo</c>.</summary>
internal static class ZonesCommand
{
    private static readonly Option<string> From = new("--from")
    {
        Description = "A real machine's /proc/zoneinfo; - is standard input.",
        HelpName = "ZONEINFO",
        Required = true,
    };

    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        Command command = new("zones", "Builds the zones of a real machine and prints the model's own zoneinfo, freshly booted.") { From };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        using ModelMemory model = ModelMemory.FromZoneInfo(parsed.GetValue(From)!, out _);
        _ = model.Procfs.TryRead("zoneinfo", out string text);
        ProcOutput.PrintText("zoneinfo", text, parsed.GetValue(GeneralOptions.Json));
        return ExitCode.Done;
    }
}
