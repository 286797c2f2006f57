using Spectre.Console;

namespace Mmsim.Cli;

/// <summary>A progress bar on a terminal; nothing in a pipe or when quiet.</summary>
public static class ProgressDisplay
{
    private const double Complete = 1000;

    /// <summary>Does long work under a progress bar.</summary>
    /// <param name="title">What is being done.</param>
    /// <param name="isQuiet">Whether the user wants none.</param>
    /// <param name="work">The work. It calls its argument from time to time with how much is done, 0 to 1, or null where that is not known.</param>
    public static TResult Run<TResult>(string title, bool isQuiet, Func<Action<double?>, TResult> work)
    {
        // The bar goes to standard error, but a pipe on either side means that nobody watches.
        if (isQuiet || Console.IsErrorRedirected || Console.IsOutputRedirected)
        {
            return work(_ => { });
        }

        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return console.Progress().AutoClear(true).HideCompleted(true).Start(context =>
        {
            ProgressTask bar = context.AddTask(title, maxValue: Complete);
            return work(done =>
            {
                bar.IsIndeterminate = done is null;
                bar.Value = (done ?? 0) * Complete;
            });
        });
    }
}
