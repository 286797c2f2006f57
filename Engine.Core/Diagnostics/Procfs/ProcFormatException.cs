namespace Engine.Core.Diagnostics.Procfs;

/// <summary>A text is not what the kernel prints.</summary>
public sealed class ProcFormatException : FormatException
{
    /// <summary>Creates the error.</summary>
    /// <param name="line">1-based line.</param>
    /// <param name="wrong">What is wrong.</param>
    /// <param name="expected">What was expected instead.</param>
    public ProcFormatException(int line, string wrong, string expected)
        : base($"line {line}: {wrong} (expected {expected})")
    {
        Line = line;
        Wrong = wrong;
        Expected = expected;
    }

    /// <summary>1-based line.</summary>
    public int Line { get; }

    /// <summary>What is wrong.</summary>
    public string Wrong { get; }

    /// <summary>What was expected instead.</summary>
    public string Expected { get; }
}
