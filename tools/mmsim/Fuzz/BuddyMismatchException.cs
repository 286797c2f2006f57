namespace Mmsim.Fuzz;

/// <summary>The allocator and the reference disagree.</summary>
public sealed class BuddyMismatchException : Exception
{
    /// <summary>Says where they disagree.</summary>
    public BuddyMismatchException(string message)
        : base(message)
    {
    }
}
