using System.CommandLine;
using Engine.Core.Units;
using Mmsim.Cli;

namespace Mmsim.Commands;

/// <summary><c>--kernel</c>: whose rules apply, where releases of Linux differ.</summary>
internal static class KernelOption
{
    /// <summary>Makes the option. Where no release is named it is the one that most recordings come from.</summary>
    public static Option<string> Create() => new("--kernel")
    {
        Description = "Whose rules.",
        HelpName = "6.9|6.18",
        DefaultValueFactory = _ => "6.18",
    };

    /// <summary>Reads the option's value.</summary>
    /// <exception cref="InputException">It is no release whose rules are known.</exception>
    public static KernelRelease Parse(string text) => text switch
    {
        "6.9" => KernelRelease.Linux69,
        "6.18" => KernelRelease.Linux618,
        _ => throw new InputException($"--kernel: the rules of '{text}' are not known", "6.9 or 6.18"),
    };
}
