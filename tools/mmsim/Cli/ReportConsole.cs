using Spectre.Console;

namespace Mmsim.Cli;

/// <summary>Where reports are printed: with colour and the terminal's width on a terminal, plain and unwrapped in a pipe.</summary>
internal static class ReportConsole
{
    private const int PipeWidth = 400;

    /// <summary>The console for standard output.</summary>
    public static IAnsiConsole Create()
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings());
        if (Console.IsOutputRedirected)
        {
            console.Profile.Width = PipeWidth;
        }

        return console;
    }
}
