namespace Mmsim.Cli;

/// <summary>Bad input or wrong usage: one line on stderr, exit code 2.</summary>
public sealed class InputException : Exception
{
    /// <summary>Creates an error about a place in a file.</summary>
    /// <param name="file">The file's name as the user gave it, or null.</param>
    /// <param name="line">1-based line, or null where the file has no lines.</param>
    /// <param name="wrong">What is wrong.</param>
    /// <param name="expected">What was expected instead, or null.</param>
    public InputException(string? file, long? line, string wrong, string? expected = null)
        : base(Format(file, line, wrong, expected))
    {
    }

    /// <summary>Creates an error about the command line.</summary>
    public InputException(string wrong, string? expected = null)
        : this(null, null, wrong, expected)
    {
    }

    private static string Format(string? file, long? line, string wrong, string? expected)
    {
        string place = file is null ? "" : line is null ? $"{file}: " : $"{file}:{line}: ";
        string hint = expected is null ? "" : $" (expected {expected})";
        return OneLine($"{place}{WithoutParameter(wrong)}{hint}");
    }

    // The framework puts a parameter's name behind what an argument's exception says; users have no parameters.
    private static string WithoutParameter(string wrong)
    {
        int end = wrong.IndexOf(" (Parameter '", StringComparison.Ordinal);
        return end < 0 ? wrong : wrong[..end];
    }

    // A message may quote the input, and the input may hold anything.
    private static string OneLine(string text) =>
        string.Concat(text.Select(c => c is '\n' or '\r' ? ' ' : char.IsControl(c) ? '?' : c));
}
