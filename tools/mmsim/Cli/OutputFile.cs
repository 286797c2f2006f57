namespace Mmsim.Cli;

/// <summary>An output as the user named it: a file, a device or a pipe, or <c>-</c> for standard output.</summary>
internal static class OutputFile
{
    /// <summary>Writes an output. What a file held before is lost; one that is new goes away again where writing ends early.</summary>
    /// <param name="target">A path, or <c>-</c>.</param>
    /// <param name="write">Writes the content.</param>
    /// <exception cref="InputException">The output cannot be written.</exception>
    public static void Write(string target, Action<Stream> write) =>
        Write<object?>(target, stream =>
        {
            write(stream);
            return null;
        });

    /// <inheritdoc cref="Write(string, Action{Stream})"/>
    /// <returns>What the writer returns.</returns>
    public static TResult Write<TResult>(string target, Func<Stream, TResult> write)
    {
        // A device is written in place: another file that takes its name would be the end of it.
        bool wasThere = target == "-" || Path.Exists(target);
        bool isPartial = false;
        try
        {
            using Stream output = Open(target);
            isPartial = true;
            TResult result = write(output);
            output.Flush();
            isPartial = false;
            return result;
        }
        catch (IOException error)
        {
            throw FileProblem.Unwritable(target, error);
        }
        finally
        {
            if (isPartial && !wasThere)
            {
                File.Delete(target);
            }
        }
    }

    private static Stream Open(string target)
    {
        try
        {
            return target == "-" ? Console.OpenStandardOutput() : File.Create(target);
        }
        catch (Exception error) when (FileProblem.Is(error))
        {
            throw FileProblem.Unwritable(target, error);
        }
    }
}
