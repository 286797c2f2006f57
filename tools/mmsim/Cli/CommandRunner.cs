using System.CommandLine;

namespace Mmsim.Cli;

/// <summary>Parses the command line, runs the command, and turns what goes wrong into one line and an exit code.</summary>
public static class CommandRunner
{
    /// <summary>Runs the command that <paramref name="args"/> name.</summary>
    public static int Run(RootCommand root, string[] args)
    {
        ParseResult parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            return Fail(parsed.Errors[0].Message);
        }

        try
        {
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (InputException error)
        {
            return Fail(error.Message);
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("mmsim: interrupted");
            return ExitCode.Interrupted;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InsufficientMemoryException)
        {
            return Fail(error.Message);
        }
    }

    private static int Fail(string message)
    {
        Console.Error.WriteLine($"mmsim: {message}");
        return ExitCode.BadInput;
    }
}
