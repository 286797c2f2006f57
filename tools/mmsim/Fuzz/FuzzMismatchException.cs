namespace Mmsim.Fuzz;

/// <summary>The engine and the reference disagree.</summary>
public sealed class FuzzMismatchException : Exception
{
    /// <summary>Says where they disagree.</summary>
    public FuzzMismatchException(string message)
        : base(message)
    {
    }
}
