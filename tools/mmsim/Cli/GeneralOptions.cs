using System.CommandLine;

namespace Mmsim.Cli;

/// <summary>The options that every command has.</summary>
public static class GeneralOptions
{
    /// <summary>Where the report goes as JSON; <c>-</c> is standard output.</summary>
    public static readonly Option<string?> Json = new("--json")
    {
        Description = "Write the report as JSON to FILE (- for standard output).",
        HelpName = "FILE",
        Recursive = true,
    };

    /// <summary>No report on the terminal.</summary>
    public static readonly Option<bool> Quiet = new("--quiet")
    {
        Description = "Print no report and no progress.",
        Recursive = true,
    };

    /// <summary>The seed of everything random.</summary>
    public static readonly Option<ulong> Seed = new("--seed")
    {
        Description = "Seed of everything random in the simulated machine.",
        HelpName = "N",
        DefaultValueFactory = _ => 1,
        Recursive = true,
    };
}
