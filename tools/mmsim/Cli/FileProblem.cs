namespace Mmsim.Cli;

/// <summary>What went wrong with a file, in words for whoever named it.</summary>
internal static class FileProblem
{
    /// <summary>Whether opening a file, by whatever name, may end in this exception.</summary>
    public static bool Is(Exception error) => error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException;

    /// <summary>The error for a file that cannot be opened or read.</summary>
    public static InputException Unreadable(string path, Exception error) => new(Name(path), null, Describe(path, error));

    /// <summary>The error for a file that cannot be written.</summary>
    public static InputException Unwritable(string path, Exception error) =>
        new(
            path == "-" ? "standard output" : Name(path),
            null,
            $"cannot be written: {(error is FileNotFoundException ? "no such directory" : Describe(path, error))}");

    private static string Name(string path) => path.Length > 0 ? path : "''";

    private static string Describe(string path, Exception error) =>
        path.Length == 0 ? "a file has a name"
        : Directory.Exists(path) ? "is a directory"
        : error is FileNotFoundException ? "no such file"
        : error is DirectoryNotFoundException ? "no such directory"
        : error is UnauthorizedAccessException ? "permission denied"
        : WithoutPath(error.Message);

    // The framework puts the path behind the reason; the message has it in front.
    private static string WithoutPath(string message)
    {
        int end = message.IndexOf(" : '", StringComparison.Ordinal);
        return end < 0 ? message : message[..end];
    }
}
