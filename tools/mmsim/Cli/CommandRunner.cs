using System.CommandLine;

namespace Mmsim.Cli;

/// <summary>Parses the command line, runs the command, and turns what goes wrong into one line and an exit code.</summary>
public static class CommandRunner
{
    /// <summary>Runs the command that <paramref name="args"/> name.</summary>
    public static int Run(RootCommand root, string[] args)
    {
        try
        {
            ParseResult parsed = root.Parse(args);
            CommandLineErrors.Check(parsed);
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
        catch (IOException error)
        {
            // A file's name stands in the message; standard output has none.
            return Fail(error.Message.Contains('\'', StringComparison.Ordinal) ? error.Message : FileProblem.Unwritable("-", error).Message);
        }
        catch (Exception error) when (error is UnauthorizedAccessException or InsufficientMemoryException)
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
