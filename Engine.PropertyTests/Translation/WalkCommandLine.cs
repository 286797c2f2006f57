using System.CommandLine;
using Mmsim.Cli;
using Mmsim.Commands;
using Xunit;

namespace Engine.PropertyTests.Translation;

/// <summary>Runs <c>mmsim walk</c> in this process.</summary>
internal static class WalkCommandLine
{
    /// <summary>Runs it to its end, which must be a good one.</summary>
    /// <returns>What it printed.</returns>
    public static string Run(params string[] arguments)
    {
        using StringWriter output = new();
        Assert.Equal(ExitCode.Done, Invoke(arguments, output));
        return output.ToString();
    }

    /// <summary>Runs it.</summary>
    /// <returns>The exit code.</returns>
    public static int Invoke(string[] arguments, StringWriter output)
    {
        RootCommand root = new("test") { GeneralOptions.Json, GeneralOptions.Quiet, GeneralOptions.Seed, WalkCommand.Create() };
        ParseResult parsed = root.Parse(["walk", .. arguments]);
        Assert.Empty(parsed.Errors);
        return parsed.Invoke(new InvocationConfiguration { Output = output, Error = output, EnableDefaultExceptionHandler = false });
    }
}
